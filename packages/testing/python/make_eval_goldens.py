"""Makes packages/testing/golden/eval: seeded fixtures of the benchmarks and what the original scorers say of them.

Not part of installing, building or testing. The originals are imported from checkouts that the user has, none of their code is
here. Made with Python 3.11 (Java 17 for the PTB tokenizer), and
    pycocoevalcap==1.2 pandas==3.1.1 openpyxl==3.1.5 tqdm numpy
by
    python packages/testing/python/make_eval_goldens.py CHECKOUTS [vqa gqa scienceqa pope mmbench judged captions]
where CHECKOUTS holds the folders LLaVA (haotian-liu, c121f04), VQA (GT-Vision-Lab, a013f00), VLMEvalKit (open-compass, e8e78f0),
lmms-eval (EvolvingLMMs-Lab, 75571cf), openvqa (MILVLG, f8f9966: GQA's eval.py as a class), MM-Vet (yuweihao, acde843) and
SQ-LLaVA (heliossun, e4baa2f). Every file is gzipped JSON.
"""

import ast
import gzip
import json
import random
import re
import sys
import tempfile
from pathlib import Path

from eval_captions import SPECIAL, captions, special_sentence
from eval_fixtures import COLOURS, NOUNS, REPLIES, SHORT, YES_NO, answer_text, answers_file, choice_reply, ten_answers
from eval_oracles import Oracles, json_lines, quietly, stub

GOLDEN = Path(__file__).parent.parent / "golden" / "eval"
COUNT = 2000
SUFFIX = "\nAnswer the question using a single word or phrase."


def save(name: str, value: dict) -> None:
    GOLDEN.mkdir(exist_ok=True)
    packed = gzip.compress(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), 9, mtime=0)
    (GOLDEN / f"{name}.json.gz").write_bytes(packed)
    print(f"{name}: {len(packed)} bytes")


def make_vqa(oracles: Oracles) -> None:
    """Normaliser, VQAv2, VizWiz, TextVQA: the same answers through each."""
    rng = random.Random(1601)
    contractions = sorted(oracles.m4c.EvalAIAnswerProcessor.CONTRACTIONS)
    processor = oracles.m4c.EvalAIAnswerProcessor()
    texts = SHORT + contractions + [f"{a} {b}" for a, b in zip(contractions, reversed(contractions))]
    texts += [answer_text(rng, contractions) for _ in range(COUNT - len(texts))]
    references = [ten_answers(rng, text, contractions) for text in texts]
    annotations = [{"question_id": 1000 + i, "question_type": rng.choice(["what is", "how many", "is the"]), "answer_type": rng.choice(["yes/no", "number", "other"]),
                    "answers": [{"answer": each, "answer_confidence": "yes", "answer_id": k + 1} for k, each in enumerate(own)]} for i, own in enumerate(references)]
    copy = {each["question_id"]: json.loads(json.dumps(each)) for each in annotations}
    asked = stub("vqa", getQuesIds=lambda: list(copy), qa=copy)
    evaluation = oracles.vqa.VQAEval(asked, stub("result", qa={each: {"answer": processor(texts[i])} for i, each in enumerate(copy)}), n=12)
    quietly(evaluation.evaluate)
    raw = oracles.vqa.VQAEval(stub("vqa", getQuesIds=lambda: [], qa={}), None)
    image = lambda i: f"VizWiz_val_{i:08d}.jpg"
    vizwiz = [quietly(oracles.vizwiz.vizwiz_vqa_process_results, {"answers": list(own), "question_id": "x"}, [text])[0]["exact_match"] for own, text in zip(references, texts)]
    soft = oracles.m4c.TextVQAAccuracyEvaluator()
    textvqa = [soft._compute_answer_scores(own).get(processor(text), 0.0) for own, text in zip(references, texts)]
    prompts = [p for i in range(12) for p in (f"What is {i}?{SUFFIX}", f"What IS {i}?\nReference OCR token: A, b{SUFFIX}", f"Reference OCR token: A{i}\nWhat is it?{SUFFIX}", f"OCR tokens: x. Question: Who\nis {i}? Short answer:", f"what\nReference OCR token: {i}\nis")]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        ids = list(range(1000, 1000 + COUNT))
        answers = answers_file(ids, texts, [f"What?{SUFFIX}"] * COUNT)
        (root / "answers/val/tiny").mkdir(parents=True)
        (root / "answers/val/tiny/merge.jsonl").write_text(json_lines(answers[:-3]))
        questions = [{"question_id": each, "image": image(each), "text": f"What?{SUFFIX}"} for each in ids]
        (root / "llava_vqav2_mscoco_test2015.jsonl").write_text(json_lines(questions + [{"question_id": 7, "image": "x", "text": "y"}]))
        oracles.script("scripts/convert_vqav2_for_submission.py", ["--dir", folder, "--ckpt", "tiny", "--split", "val"])
        upload = (root / "answers_upload/val/tiny.json").read_text()
        (root / "all.jsonl").write_text(json_lines(answers))
        (root / "viz.jsonl").write_text(json_lines(questions))
        oracles.script("scripts/convert_vizwiz_for_submission.py", ["--annotation-file", str(root / "viz.jsonl"), "--result-file", str(root / "all.jsonl"), "--result-upload-file", str(root / "up/v.json")])
        vizwiz_upload = (root / "up/v.json").read_text()
    save("vqa", {"texts": texts, "references": references, "annotations": [[a["question_type"], a["answer_type"]] for a in annotations],
                 "normalised": [processor(text) for text in texts], "vqaNormalised": [raw.processDigitArticle(raw.processPunctuation(text)) for text in texts],
                 "vqaAccuracy": [evaluation.evalQA[each] for each in copy], "overall": evaluation.accuracy, "vizwiz": vizwiz, "textvqa": textvqa,
                 "textvqaMean": quietly(soft.eval_pred_list, [{"pred_answer": text, "gt_answers": own} for text, own in zip(texts, references)])[0],
                 "prompts": prompts, "questions": [oracles.textvqa.prompt_processor(prompt) for prompt in prompts],
                 "answersFile": json_lines(answers), "upload": upload, "vizwizUpload": vizwiz_upload})


def make_gqa(oracles: Oracles) -> None:
    rng = random.Random(1602)
    ids = [f"20{i:07d}" for i in range(COUNT)]
    words = NOUNS[:8] + COLOURS[:4] + ["yes", "no"]
    truth, texts = {}, []
    for i, each in enumerate(ids):
        structural = rng.choice(["query", "verify", "logical", "choose", "compare"])
        answer = rng.choice(["yes", "no"] if structural in ("verify", "logical") else words[:-2])
        operations = [{"operation": rng.choice(["select", "relate", "exist", "query", "choose name", "filter color"]), "argument": rng.choice(["name", "dog (12)", "?", "color"]), "dependencies": []} for _ in range(rng.randrange(1, 6))]
        truth[each] = {"question": rng.choice(["Is there ", "What  is ", "Who\tsees "]) + " ".join(rng.choice(NOUNS) for _ in range(rng.randrange(1, 6))) + "?", "answer": answer, "isBalanced": rng.random() < 0.9,
                       "types": {"structural": structural, "semantic": rng.choice(["attr", "cat", "global", "obj", "rel"]), "detailed": rng.choice(["twoCommon", "existAnd", "materialChoose"])},
                       "semantic": operations, "groups": {"global": rng.choice([None, "color", "animal", "person"]), "local": "x"}, "entailed": rng.sample(ids, rng.randrange(0, 4))}
        said = answer if rng.random() < 0.6 else rng.choice(words)
        texts.append(rng.choice([said, said.capitalize(), said + ".", said.upper() + "..", said + ". ", "A " + said, ""]) if rng.random() < 0.5 else said)
    choices = {each: {"valid": rng.sample(words, 6), "plausible": rng.sample(words, 3)} for each in ids}
    questions = [{"question_id": each, "image": f"{each}.jpg", "text": truth[each]["question"] + SUFFIX} for each in ids]
    answers = answers_file(ids, texts, [each["text"] for each in questions])
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, value in (("questions.json", json.dumps(truth)), ("choices.json", json.dumps(choices)), ("answers.jsonl", json_lines(answers))):
            (root / name).write_text(value)
        oracles.script("scripts/convert_gqa_for_eval.py", ["--src", str(root / "answers.jsonl"), "--dst", str(root / "predictions.json")])
        result, _ = quietly(lambda: oracles.gqa.GQAEval(None, str(root / "predictions.json"), str(root / "questions.json"), str(root / "choices.json"), EVAL_CONSISTENCY=True))
        predictions = (root / "predictions.json").read_text()
    save("gqa", {"truth": truth, "choices": choices, "texts": texts, "predictions": predictions, "scores": {k: v for k, v in result.scores.items() if k != "grounding"}})


def make_scienceqa(oracles: Oracles) -> None:
    rng = random.Random(1603)
    ids = [str(each) for each in rng.sample(range(1, 21000), COUNT)]
    problems, questions, texts = {}, [], []
    for each in ids:
        choices = rng.sample(NOUNS, rng.randrange(2, 6))
        problems[each] = {"choices": choices, "answer": rng.randrange(len(choices)), "image": None}
        has_image = rng.random() < 0.5
        value = f"Context: N/A\nWhich is it?\nOptions: " + " ".join(f"({letter}) {choice}" for letter, choice in zip("ABCDE", choices))
        questions.append({"id": each, **({"image": f"{each}/image.png"} if has_image else {}), "conversations": [{"from": "human", "value": value + ("\n<image>" if has_image else "")}, {"from": "gpt", "value": "A"}]})
        texts.append(choice_reply(rng, "ABCDE", choices, problems[each]["answer"]))
    letter = "\nAnswer with the option's letter from the given choices directly."
    prompts = [("<image>\n" if "image" in q else "") + q["conversations"][0]["value"].replace("<image>", "").strip() + letter for q in questions]
    answers = answers_file(ids, texts, prompts)[:-20]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, value in (("pid_splits.json", json.dumps({"test": ids})), ("problems.json", json.dumps(problems)), ("answers.jsonl", json_lines(answers))):
            (root / name).write_text(value)
        printed = oracles.script("llava/eval/eval_science_qa.py", ["--base-dir", folder, "--result-file", str(root / "answers.jsonl"), "--output-file", str(root / "output.jsonl"), "--output-result", str(root / "result.json")])
        output, result = (root / "output.jsonl").read_text(), (root / "result.json").read_text()
    draws = []
    for seed in (0, 10, 42, 4294967295):
        random.seed(seed)
        draws.append([seed, [random.choice(range(2 + i % 4)) for i in range(700)]])
    save("scienceqa", {"questions": questions, "problems": problems, "ids": ids, "texts": texts[:-20], "output": output, "result": result, "printed": printed, "draws": draws})


def make_pope(oracles: Oracles) -> None:
    rng = random.Random(1604)
    questions, labels, texts, scores = [], {}, [], {}
    for category in ("adversarial", "popular", "random"):
        labels[category] = [{"question_id": i + 1, "image": f"COCO_val2014_{rng.randrange(10**6):012d}.jpg", "text": f"Is there a {rng.choice(NOUNS)} in the image?", "label": rng.choice(["yes", "no"])} for i in range(700)]
        questions += [{"question_id": len(questions) + i, "image": each["image"], "text": each["text"] + SUFFIX, "category": category} for i, each in enumerate(labels[category])]
        texts += [each["label"].capitalize() if rng.random() < 0.5 else rng.choice(YES_NO) for each in labels[category]]
    answers = answers_file([each["question_id"] for each in questions], texts, [each["text"] for each in questions])
    for category, own in labels.items():
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(json_lines(own))
            file.flush()
            picked = [dict(answer) for answer, question in zip(answers, questions) if question["category"] == category]
            _, printed = quietly(oracles.pope.eval_pope, picked, file.name)
        scores[category] = {"printed": printed, "said": [each["text"] for each in picked]}
    save("pope", {"questions": questions, "labels": labels, "texts": texts, "scores": scores})


def make_mmbench(oracles: Oracles) -> None:
    import pandas as pd
    rng = random.Random(1605)
    rows, texts = [], []
    for n in range(620):
        count = rng.choice([2, 3, 4, 4, 4])
        options = rng.sample(NOUNS + ["a dog", "on the left", "None", "two\tdogs", 'the "sign"', "<b>", "line\nbreak", "N/A", "nan", "5", "café"], count)
        answer, hint = rng.randrange(count), rng.choice([None, None, "The passage below.", "None", "a hint\nof two lines"])
        category, top = rng.choice([("ocr", "finegrained_perception (instance-level)"), ("image_style", "coarse_perception"), ("social_relation", "relation_reasoning")])
        split, knows = rng.choice(["dev", "dev", "test"]), rng.random()
        for k in range(count):
            turned = options[k:] + options[:k]
            letter = "ABCD"[(answer - k) % count]
            rows.append({"index": n + k * 1000000, "question": f"Which is it, {n}?", "hint": hint, **{x: turned[i] if i < count else None for i, x in enumerate("ABCD")}, "answer": letter, "category": category, "image": "aGk=", "source": "made", "l2-category": top, "comment": None, "split": split})
            texts.append(choice_reply(rng, "ABCD", turned, (answer - k) % count, 0.98 if knows < 0.6 else 0.4))
    frame = pd.DataFrame(rows)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        frame.to_csv(root / "table.tsv", sep="\t", index=False)
        table = (root / "table.tsv").read_text()
        read = pd.read_table(root / "table.tsv")
        answers = answers_file([int(each) for each in read["index"]], texts, ["p"] * len(texts))
        (root / "tiny.jsonl").write_text(json_lines(answers))
        oracles.script("scripts/convert_mmbench_for_submission.py", ["--annotation-file", str(root / "table.tsv"), "--result-dir", folder, "--upload-dir", folder, "--experiment", "tiny"])
        sheet = pd.read_excel(root / "tiny.xlsx", header=None, keep_default_na=False, dtype=object)
    read["prediction"] = texts
    inferred = [oracles.choice.prefetch_answer(read.iloc[i]) or None for i in range(len(read))]
    read["GT"] = read["answer"]
    read["g_index"] = [int(each % 1e6) for each in read["index"]]
    main = read[read["index"] == read["g_index"]].copy()
    main["hit"] = [int((oracles.choice.prefetch_circular_group(read[read["g_index"] == each]) or {"hit": 0})["hit"]) for each in main["index"]]
    oracles.choice.MMB_abbrs.clear()  # names as the table has them
    report = oracles.choice.report_acc(main)
    save("mmbench", {"table": table, "texts": texts, "inferred": inferred, "hits": {str(i): h for i, h in zip(main["index"], main["hit"])}, "overall": float(main["hit"].mean()),
                     "report": sorted(report.to_dict("records"), key=lambda row: row["split"]), "sheet": [[None if each == "" else each for each in row] for row in sheet.values.tolist()]})


def make_judged(oracles: Oracles) -> None:
    """LLaVA-Bench and MM-Vet: requests, what is read of replies, and what is made of the grades."""
    rng = random.Random(1606)
    replies = [rng.choice(REPLIES).format(a=rng.randrange(11), b=rng.randrange(11)) for _ in range(COUNT)]
    marks = [quietly(oracles.review.parse_score, reply)[0] for reply in replies]
    categories = [rng.choice(["conv", "detail", "complex"]) for _ in range(60)]
    questions = [{"question_id": i, "image": f"{i % 24:03d}.jpg", "text": f"Who is {i}?\nSay \"it\".", "category": each} for i, each in enumerate(categories)]
    context = [{"id": i, "image": f"{i:03d}.jpg", "caption": f"A {rng.choice(NOUNS)}." if i % 2 else ["One.", "Two é."]} for i in range(24)]
    gpt4 = [{"question_id": i, "answer_id": f"g{i}", "text": f"It is {rng.choice(NOUNS)}."} for i in range(60)]
    answers = answers_file(list(range(60)), [f"I see {rng.choice(NOUNS)} ☺." for _ in range(60)], [each["text"] for each in questions])
    rules = {f"llava_bench_{each}": {"role": "Assistant", "prompt": f"Rate the {each}."} for each in ("conv", "detail", "complex")}
    sensible = [f"{rng.randrange(1, 11)} {rng.randrange(1, 11)}{rng.choice(['', chr(10) + 'Because é.'])}" if rng.random() < 0.9 else "I cannot say." for _ in range(60)]
    asked = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, value in (("q.jsonl", json_lines(questions)), ("c.jsonl", json_lines(context)), ("a1.jsonl", json_lines(gpt4)), ("a2.jsonl", json_lines(answers)), ("rule.json", json.dumps(rules))):
            (root / name).write_text(value)
        # The script's own main, with a judge that answers from a list.
        source = (oracles.llava / "llava/eval/eval_gpt_review_bench.py").read_text()
        judge = iter(sensible)
        create = lambda **request: asked.append(request) or {"choices": [{"message": {"content": next(judge)}}]}
        sys.modules["openai"] = stub("openai", ChatCompletion=stub("ChatCompletion", create=create), error=stub("error", RateLimitError=Exception))
        before, sys.argv = sys.argv, ["x", "-q", str(root / "q.jsonl"), "-c", str(root / "c.jsonl"), "-a", str(root / "a1.jsonl"), str(root / "a2.jsonl"), "-r", str(root / "rule.json"), "-o", str(root / "review.jsonl")]
        quietly(exec, compile(source.replace("time.sleep", "(lambda _: None)"), "review", "exec"), {"__name__": "__main__"})
        sys.argv = before
        reviews = (root / "review.jsonl").read_text()
        summary = oracles.script("llava/eval/summarize_gpt_review.py", ["-f", str(root / "review.jsonl")])
        vet_answers = answers_file(list(range(218)), [f"{rng.choice(NOUNS)}\n\"é\"" for _ in range(218)], ["q"] * 218)
        (root / "vet.jsonl").write_text(json_lines(vet_answers))
        oracles.script("scripts/convert_mmvet_for_eval.py", ["--src", str(root / "vet.jsonl"), "--dst", str(root / "vet.json")])
        vet_results = (root / "vet.json").read_text()
        names = ["rec", "ocr", "know", "gen", "spat", "math"]
        meta = {f"v1_{i}": {"question": f"What is {i}?", "answer": rng.choice(["a<AND>b", "a<OR>b", "c"]), "capability": rng.sample(names, rng.randrange(1, 4))} for i in range(218)}
        grades = {each: {"model": ["m"] * 5, "content": ["0.5"] * 5, "score": [rng.choice([0.0, 0.1, 0.5, 0.7, 1.0]) for _ in range(5)]} for each in meta}
        (root / "mm-vet.json").write_text(json.dumps(meta))
        vet, args = oracles.mmvet, stub("args", use_sub_set=False, mmvet_path=folder, num_run=5, decimal_places=12)
        sub_set, _, data, counter, cap_set_list, cap_set_counter, len_data, df, df2, cap_set_names = vet.load_metadata(args)
        vet.__dict__.update(sub_set=sub_set, counter=counter, cap_set_list=cap_set_list, len_data=len_data, cap_score_file=str(root / "c1.csv"), cap_int_score_file=str(root / "c2.csv"))
        vet.export_result(args, "tiny", df, df2, grades, data, cap_set_counter, cap_set_names)
        totals = {column: float(df.loc["tiny"][column]) for column in df.columns[:-2]}
        sets = ["_".join(sorted(each)) for each in cap_set_list]
        by_set = {name: float(df2.loc["tiny"].iloc[i]) for i, name in enumerate(sets)}
        graded = json.dumps(grades, indent=4)
    save("judged", {"replies": replies, "marks": [[repr(float(each)) for each in pair] for pair in marks], "questions": questions, "context": context, "gpt4": gpt4, "answers": answers, "rules": rules,
                    "judge": sensible, "asked": asked, "reviews": reviews, "summary": summary, "vetAnswers": vet_answers, "vetResults": vet_results, "meta": meta, "grades": grades, "gradesFile": graded, "totals": totals, "bySet": by_set})


def make_captions(oracles: Oracles) -> None:
    import pycocoevalcap.tokenizer.ptbtokenizer as ptb
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge
    rng = random.Random(1607)
    predictions, references = captions(rng, COUNT)
    clean = {}
    text = (oracles.root / "SQ-LLaVA/sqllava/eval/eval_image_caption.py").read_text()
    function = next(node for node in ast.parse(text).body if getattr(node, "name", "") == "pre_caption")
    exec(ast.get_source_segment(text, function), {"re": re}, clean)
    cleaned = clean["pre_caption"]

    def scores(own: list[str], known: list[list[str]]) -> dict:
        gts = ptb.PTBTokenizer().tokenize({i: [{"caption": each} for each in captions_] for i, captions_ in enumerate(known)})
        res = ptb.PTBTokenizer().tokenize({i: [{"caption": each}] for i, each in enumerate(own)})
        (bleu, bleus), _ = quietly(Bleu(4).compute_score, gts, res)
        rouge, rouges = Rouge().compute_score(gts, res)
        cider, ciders = Cider().compute_score(gts, res)
        return {"bleu": bleu, "rougeL": float(rouge), "ciderD": float(cider), "bleu4Each": bleus[3], "rougeLEach": rouges.tolist(), "ciderDEach": ciders.tolist()}

    lines = SPECIAL + [special_sentence(rng, word) for word in SPECIAL] + [special_sentence(rng) for _ in range(COUNT)]
    tokens = [each[0] for each in ptb.PTBTokenizer().tokenize({i: [{"caption": line}] for i, line in enumerate(lines)}).values()]
    odd = ["a  b", " a ", "A\tB\n", "Dog.", "one (two) three", "a . . b", "\n", "x\n\ny\n", "É!", "word " * 60, "a" * 30, "b : c ; d", "\u00a0\u00a0x", "~~~"] + lines[:400]
    save("captions", {"predictions": predictions, "references": references, "coco": scores(predictions, references), "lines": lines, "tokens": tokens,
                      "sqLlava": scores([cleaned(each, max_words=20) for each in predictions], [[cleaned(each) for each in own] for own in references]),
                      "odd": odd, "cleaned": [cleaned(each, max_words=20) for each in odd]})


if __name__ == "__main__":
    made = {name[5:]: function for name, function in list(globals().items()) if name.startswith("make_")}
    oracles = Oracles(Path(sys.argv[1]).resolve())
    for name in sys.argv[2:] or made:
        made[name](oracles)
