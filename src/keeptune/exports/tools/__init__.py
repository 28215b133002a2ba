"""The tools that exported models are for, one a module. Each runs in a process of its own and asks a model by the
tool's own means alone: nothing of how keeptune loads or asks models is used."""
