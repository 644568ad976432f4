"""The commands, one file a job. Each does what the console does, without a screen."""
