"""Loads the original scorers from where the user has them; none of their code is in this repository."""

import contextlib
import importlib.util
import io
import json
import re
import subprocess
import sys
import types
from pathlib import Path


def load(path: Path, name: str, stubs: dict = {}) -> types.ModuleType:
    """One file as a module, its heavy imports replaced by what it really calls of them."""
    sys.modules.update(stubs)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def stub(name: str, **members) -> types.ModuleType:
    module = types.ModuleType(name)
    module.__dict__.update(members)
    return module


def quietly(function, *arguments):
    """What a function prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        result = function(*arguments)
    return result, out.getvalue()


class Oracles:
    def __init__(self, root: Path):
        self.root = root
        self.llava = root / "LLaVA"
        sys.path.insert(0, str(self.llava))
        self.m4c = load(self.llava / "llava/eval/m4c_evaluator.py", "llava.eval.m4c_evaluator", {"llava": stub("llava"), "llava.eval": stub("llava.eval")})
        self.pope = load(self.llava / "llava/eval/eval_pope.py", "eval_pope")
        self.textvqa = load(self.llava / "llava/eval/eval_textvqa.py", "eval_textvqa")
        self.review = load(self.llava / "llava/eval/eval_gpt_review_bench.py", "eval_review", {"openai": stub("openai")})
        python2 = (root / "VQA/PythonEvaluationTools/vqaEvaluation/vqaEval.py").read_text()
        self.vqa = types.ModuleType("vqa_eval")
        exec(re.sub(r'print "(.*)"', r'print("\1")', python2), self.vqa.__dict__)
        self.matching = load(root / "VLMEvalKit/vlmeval/utils/matching_util.py", "matching_util",
                             {"vlmeval": stub("vlmeval"), "vlmeval.smp": stub("vlmeval.smp", **{name: None for name in ("cn_string", "d2df", "dump", "get_pred_file_format", "istype", "load", "timestr")}, get_logger=lambda *_: None),
                              "vlmeval.smp.log": stub("vlmeval.smp.log", get_logger=lambda *_: None), "vlmeval.smp.vlm": stub("vlmeval.smp.vlm", build_option_str=None)})
        self.choice = load(root / "VLMEvalKit/vlmeval/dataset/utils/multiple_choice.py", "multiple_choice",
                           {"vlmeval.utils": stub("vlmeval.utils", can_infer=self.matching.can_infer, can_infer_lego=None, track_progress_rich=None)})
        self.vizwiz = load(root / "lmms-eval/lmms_eval/tasks/vizwiz_vqa/utils.py", "vizwiz_utils",
                           {"lmms_eval": stub("lmms_eval"), "lmms_eval.tasks": stub("lmms_eval.tasks"), "lmms_eval.tasks._task_utils": stub("_task_utils"),
                            "lmms_eval.tasks._task_utils.file_utils": stub("file_utils", generate_submission_file=None),
                            "lmms_eval.tasks._task_utils.vqa_eval_metric": load(root / "lmms-eval/lmms_eval/tasks/_task_utils/vqa_eval_metric.py", "vqa_eval_metric")})
        self.gqa = load(root / "openvqa/openvqa/datasets/gqa/eval/gqa_eval.py", "gqa_eval")
        self.mmvet = load(root / "MM-Vet/mm-vet_evaluator.py", "mm_vet_evaluator", {"openai": stub("openai", OpenAI=None), "openai._exceptions": stub("openai._exceptions", RateLimitError=Exception)})

    def script(self, path: str, arguments: list[str]) -> str:
        """A script of LLaVA run as its users run it; what it prints."""
        done = subprocess.run([sys.executable, self.llava / path, *arguments], capture_output=True, text=True, env={"PYTHONPATH": str(self.llava)})
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout


def json_lines(records: list) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)
