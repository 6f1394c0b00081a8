"""What a net takes along to the Hub: its model card, and the upload."""
