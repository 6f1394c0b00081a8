"""What the page needs besides layout: safe intake, drawings, texts, handlers."""
