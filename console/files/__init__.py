"""What is read and written as files: target files, exports."""
