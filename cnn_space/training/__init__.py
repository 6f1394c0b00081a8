"""Training, evaluation, distillation and fine-tuning."""
