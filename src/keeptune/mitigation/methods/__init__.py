"""One mitigation a file: `mitigation.registry` imports every module here when it is first asked."""
