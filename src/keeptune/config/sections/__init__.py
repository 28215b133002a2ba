"""The sections of the settings, a file each. A field declares its default and all its facts by `setting`."""
