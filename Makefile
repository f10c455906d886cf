# Short names for what the scripts do. `make` alone lists them.
.PHONY: help demo check format lock docs samples

help:        ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST)
demo:        ## install, then run the demo
	./scripts/demo
check:       ## install, then format check, lint, types and tests
	./scripts/check
format:      ## format and fix what can be fixed
	.venv/bin/ruff format . && .venv/bin/ruff check --fix .
lock:        ## write requirements-dev.lock anew from pyproject.toml
	./scripts/lock
docs:        ## write the generated parts of docs/ anew
	.venv/bin/python -m voice_edit.cli.reference > docs/cli.md.new && mv docs/cli.md.new docs/cli.md
	.venv/bin/python -m voice_edit.control.protocol_reference > docs/control.md.new && mv docs/control.md.new docs/control.md
samples:     ## record samples/*.wav anew (needs espeak-ng and flite)
	.venv/bin/python samples/make.py
