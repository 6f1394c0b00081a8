/* The images are shown while the held-out share is typed, "3" on the way to "30" and nothing
   included. Out of the slider's range it would be an error, and Gradio would forget what is being
   typed. */
(session, base, augment, share) => [session, base, augment, Math.min(50, Math.max(5, share))]
