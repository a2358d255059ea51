"""What `python -m benchmarks.prove` is made of: prompts, workflow, servers, the folder of a run."""
