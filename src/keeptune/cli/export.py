"""`keeptune export`."""

from __future__ import annotations

import click

from keeptune.cli.options import Verb, output_flags

COUNT = click.IntRange(min=1)
QUANTIZATION = (
    "Type of the weights: bfloat16, Q8_0, Q4_K_M … May be repeated, from large to small, and `auto` is all types of a "
    "GGUF or of MLX: then the last one that keeps everything is exported.  [default: as scored, or F16]"
)
MARGIN = "Largest drop on the task that does not matter.  [default: 5 points, or 0.05 nats per token]"
DRY_RUN = "With --push-to-hub: export and ask as usual, and list the files instead of publishing them."


@click.command("export", cls=Verb)
@click.argument("run")
@click.argument("format", metavar="FORMAT")
@click.option("--quantization", metavar="TYPE", multiple=True, help=QUANTIZATION)
@click.option("--items", metavar="N", type=COUNT, help="Items to ask, at most, of the task and of each ability.")
@click.option("--margin", metavar="X", type=click.FloatRange(min=0.0, min_open=True), help=MARGIN)
@click.option("--undeclared", is_flag=True, help="Ask abilities that --keep did not name, too; they decide nothing.")
@click.option("--no-check", is_flag=True, help="Only write the files; do not ask the exported model.")
@click.option("--llama-cpp", metavar="FOLDER", default="", help="Checkout of llama.cpp, for GGUF.")
@click.option("--push-to-hub", metavar="OWNER/NAME", default="", help="Publish the files, unless something was lost.")
@click.option("--private", is_flag=True, help="Make the repository on the hub private.")
@click.option("--dry-run", is_flag=True, help=DRY_RUN)
@click.option("--allow-code", is_flag=True, help="Run the code that the run's settings name.")
@click.option("--output", "-o", metavar="FOLDER", default="", help="[default: RUN/exports/FORMAT-TYPE]")
@output_flags
def command(quiet: bool, as_json: bool, no_check: bool, quantization: tuple[str, ...], **given: object) -> int:
    """Export the tuned model of a run, and compare it on arrival with the model that was scored.

    \b
    FORMAT       for
    safetensors  transformers, vLLM, SGLang, TGI, mergekit: whole weights
    adapter      peft, transformers, vLLM: the adapter alone
    gguf         llama.cpp, Ollama, LM Studio: whole weights in one file, also in 2 to 8 bits
    gguf-adapter llama.cpp, Ollama: a LoRA alone, on a GGUF of its base
    mlx          mlx-lm, LM Studio on Apple machines: whole weights, also in 2 to 8 bits

    \b
    keeptune export runs/tickets-lora-1 safetensors --quantization bfloat16
    keeptune export runs/tickets-lora-1 gguf --quantization auto

    The tool that the format is for loads the files, renders each prompt itself, and answers the items that the run
    was scored on. The exit code is 3 if the task or an ability that the run declared is lost, and 4 if that is
    inconclusive and an answer differs or an ability was not asked.
    """
    from keeptune.cli.quiet_libraries import quiet_libraries
    from keeptune.cli.show import show_json, show_report
    from keeptune.report.progress import progress

    quiet_libraries()
    from keeptune.api.export import export
    from keeptune.config.sections.export import ExportConfig
    from keeptune.forgetting.gate import exit_code

    config = ExportConfig(quantizations=quantization, check=not no_check, **given)  # type: ignore[arg-type]
    with progress(quiet=quiet) as observer:
        reports = export(config, observer)
    if as_json:
        show_json(list(reports))
    else:
        from keeptune.report.export import export_report

        show_report(export_report(reports))
    best = reports[0]
    return 0 if best.keeps or not best.was_asked else exit_code(best.gate, ("fail", "inconclusive"))
