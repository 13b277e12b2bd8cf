# Owns a tiny model folder whose weights recite plays in Nemotron's format. Knows no server and no test.
"""
scripted_model.py TEMPLATE FOLDER < plays.json      plays.json: {"NAME": ["what the model writes in its first turn", ...]}

How it recites. Each piece of a play has a token of its own, so most tokens have one successor. The embedding of a token is the code of
its successor, and the row of `lm_head` for a token is its own code: the successor gets logit 60, all others noise. Only the marks
(</think>, <tool_call> ...) are the same token everywhere, because vLLM reads streams by their ids. What follows a mark is remembered by
the one attention layer: the piece before a mark carries a tag and a rank; the layer looks for the highest rank and fetches the tag; mark
and tag together name the successor. The template ends each prompt with a hidden cue, chosen by `#play:NAME` in the newest user message that
has one and by the number of assistant messages since. With thinking off the cue stands for the first </think>.
"""

import json
import re
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

SPECIAL = {0: "<unk>", 1: "<s>", 2: "</s>", 10: "<|im_start|>", 11: "<|im_end|>"}
MARKS = {"<think>": 12, "</think>": 13, "<tool_call>": 14, "</tool_call>": 15, "<tool_response>": 16, "</tool_response>": 17}
END = 11
LETTERS = 5
WORDS = 2000
CONTEXT = 262_144

# The lanes of a hidden state.
HIDDEN, HEAD = 512, 32
ONE, RANK, FILL = 0, 1, 2
TAG, FOUND, CODE = slice(3, 67), slice(67, 131), slice(131, HIDDEN)
TAG_SIZE, CODE_SIZE = 64, HIDDEN - 131
ENERGY = 4608.0
RMS = (ENERGY / HIDDEN) ** 0.5
LOGIT = 60.0
MOST_MARKS = 27


def main(template: Path, folder: Path) -> None:
    plays = json.load(sys.stdin)
    turns = {(name, step): cut(text) for name, texts in plays.items() for step, text in enumerate(texts)}
    folder.mkdir(parents=True, exist_ok=True)
    rehearsal = Rehearsal(turns, base_tokenizer([template.read_text("utf-8"), *sum(plays.values(), [])]))
    rehearsal.tokenizer().save(str(folder / "tokenizer.json"))
    save_file(Weights(rehearsal).tensors(), str(folder / "model.safetensors"), metadata={"format": "pt"})
    (folder / "chat_template.jinja").write_text(with_cue(template.read_text("utf-8"), plays), "utf-8")
    for name, value in configs(rehearsal.size).items():
        (folder / name).write_text(json.dumps(value, indent=1), "utf-8")


def cut(text: str) -> list[str]:
    """Pieces of a few letters with the space before them; marks stay whole, and the last piece is none."""
    pieces: list[str] = []
    for part in re.split("(" + "|".join(map(re.escape, MARKS)) + ")", text):
        pieces += [part] if part in MARKS else re.findall(rf"\s*\S{{1,{LETTERS}}}|\s+", part)
    if any(first in MARKS and second in MARKS for first, second in zip([pieces[0], *pieces], pieces)):
        raise SystemExit(f"a play begins with text and has some between two marks: {text!r}")
    return pieces + ["\n"] if pieces[-1] in MARKS else pieces


def base_tokenizer(texts: list[str]) -> Tokenizer:
    names = {**SPECIAL, **{number: mark for mark, number in MARKS.items()}}
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=WORDS,
        special_tokens=[names.get(number, f"<SPECIAL_{number}>") for number in range(20)],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


class Rehearsal:
    """Which token follows which. Tags are numbered from 0."""

    def __init__(self, turns: dict[tuple[str, int], list[str]], base: Tokenizer) -> None:
        self.description = json.loads(base.to_str())
        self.vocabulary: dict[str, int] = self.description["model"]["vocab"]
        self.ordinary = len(self.vocabulary)
        self.successor: dict[int, int] = {}
        self.tag: dict[int, tuple[int, int]] = {}
        self.after_mark: dict[int, tuple[int, int]] = {}
        self.tags = 0
        self.cues: dict[str, tuple[int, tuple[int, int] | None]] = {}
        for (name, step), pieces in turns.items():
            self.learn(name, step, pieces)
        self.size = len(self.vocabulary) + len(self.cues)
        self.first_cue = len(self.vocabulary)

    def learn(self, name: str, step: int, pieces: list[str]) -> None:
        tokens = [MARKS[piece] if piece in MARKS else self.new_token(piece) for piece in pieces]
        marks: list[tuple[int, int, int]] = []
        for before, token, after in zip(tokens, tokens[1:], tokens[2:]):
            if token in MARKS.values():
                marks.append((before, token, after))
        if len(marks) > MOST_MARKS:
            raise SystemExit(f"{name}: more than {MOST_MARKS} marks in one turn")
        for token, following in zip(tokens, [*tokens[1:], END]):
            if token not in MARKS.values():
                self.successor[token] = following
        first_tag = self.tags
        for rank, (before, mark, after) in enumerate(marks, 1):
            self.tag[before] = (self.tags, rank)
            self.after_mark[after] = (mark, self.tags)
            self.tags += 1
        self.cues[cue(name, step, "on")] = (tokens[0], (first_tag, 0) if marks else None)
        skips = bool(marks) and marks[0][1] == MARKS["</think>"]
        self.cues[cue(name, step, "off")] = (marks[0][2], (first_tag, 1)) if skips else (tokens[0], None)

    def new_token(self, piece: str) -> int:
        token = len(self.vocabulary)
        self.vocabulary[private(token) + byte_level(piece)] = token
        return token

    def tokenizer(self) -> Tokenizer:
        self.description["decoder"] = {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"Regex": "[\ue000-\ue009]+"}, "content": ""},
                {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
            ],
        }
        # As in Nemotron's own tokenizer the marks are seen in the text.
        for token in self.description["added_tokens"]:
            token["special"] = token["id"] not in MARKS.values()
        tokenizer = Tokenizer.from_str(json.dumps(self.description))
        tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in self.cues])
        return tokenizer


def cue(name: str, step: int, thinking: str) -> str:
    return f"<|cue:{name}:{step}:{thinking}|>"


def private(number: int) -> str:
    """Digits that no text has, so that the same piece can have many tokens; the decoder takes them away."""
    return "".join(chr(0xE000 + int(digit)) for digit in str(number))


def byte_level(text: str) -> str:
    parts = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(text)
    return "".join(part for part, _ in parts)


class Weights:
    def __init__(self, rehearsal: Rehearsal) -> None:
        self.plan = rehearsal
        self.random = np.random.default_rng(20)
        # One code for each token, and one for "what follows this mark".
        self.codes = self.signs(rehearsal.size, CODE_SIZE)
        self.behind = {mark: self.signs(1, CODE_SIZE)[0] for mark in MARKS.values()}
        self.tags = self.signs(max(rehearsal.tags, 1), TAG_SIZE)

    def signs(self, rows: int, columns: int) -> np.ndarray:
        return self.random.choice([-1.0, 1.0], size=(rows, columns)).astype(np.float32)

    def tensors(self) -> dict[str, np.ndarray]:
        layer = "model.layers.0."
        ones = np.ones(HIDDEN, np.float32)
        small = lambda *shape: self.random.normal(0, 0.02, shape).astype(np.float32)
        return {
            "model.embed_tokens.weight": self.embeddings(),
            "model.norm.weight": ones,
            "lm_head.weight": self.head(),
            layer + "input_layernorm.weight": ones,
            layer + "post_attention_layernorm.weight": ones,
            **{layer + f"self_attn.{name}_proj.weight": value for name, value in memory().items()},
            layer + "mlp.gate_proj.weight": small(64, HIDDEN),
            layer + "mlp.up_proj.weight": small(64, HIDDEN),
            layer + "mlp.down_proj.weight": np.zeros((HIDDEN, 64), np.float32),
        }

    def embeddings(self) -> np.ndarray:
        plan = self.plan
        rows = np.zeros((plan.size, HIDDEN), np.float32)
        rows[:, ONE] = 4
        opening = next(iter(plan.cues.values()))[0]
        rows[: plan.ordinary, CODE] = self.codes[opening]
        for mark, code in self.behind.items():
            rows[mark, CODE] = code
        for token, following in plan.successor.items():
            rows[token, CODE] = self.code_for(following)
        for token, tag in plan.tag.items():
            self.label(rows[token], tag)
        for place, (following, tag) in enumerate(plan.cues.values()):
            row = rows[plan.first_cue + place]
            row[CODE] = self.code_for(following)
            if tag is not None:
                self.label(row, tag)
        # All as long as each other, so that norms change nothing.
        rows[:, FILL] = np.sqrt(ENERGY - (rows**2).sum(1))
        return rows

    def code_for(self, token: int) -> np.ndarray:
        """What a hidden state says when this token is to come."""
        mark = self.plan.after_mark.get(token)
        return self.codes[token] if mark is None else self.behind[mark[0]]

    def label(self, row: np.ndarray, tag: tuple[int, int]) -> None:
        number, rank = tag
        row[TAG] = self.tags[number]
        row[RANK] = 4 + 2 * rank

    def head(self) -> np.ndarray:
        plan = self.plan
        rows = self.random.normal(0, 0.01, (plan.size, HIDDEN)).astype(np.float32)
        rows[plan.ordinary :] = 0
        by_code, by_tag = LOGIT * RMS / CODE_SIZE, LOGIT * RMS / TAG_SIZE
        for token in [*plan.successor, *MARKS.values(), END]:
            rows[token] = 0
            mark = plan.after_mark.get(token)
            rows[token, CODE] = by_code * self.code_for(token) * (1 if mark is None else 0.42)
            if mark is not None:
                rows[token, FOUND] = by_tag * self.tags[mark[1]] * 0.58
        return rows


def memory() -> dict[str, np.ndarray]:
    """Each position looks for the highest rank before it, and fetches that token's tag."""
    query, key, value = (np.zeros((2 * HEAD, HIDDEN), np.float32) for _ in range(3))
    out = np.zeros((HIDDEN, 2 * HEAD), np.float32)
    slowest = HEAD // 2 - 1  # The pair of lanes that the rotation of positions hardly turns.
    query[slowest::HEAD, ONE] = 9
    key[slowest::HEAD, RANK] = 9
    for lane in range(TAG_SIZE):
        value[lane, TAG.start + lane] = 1
        out[FOUND.start + lane, lane] = RMS
    return {"q": query, "k": key, "v": value, "o": out}


def with_cue(template: str, plays: dict[str, list[str]]) -> str:
    """NVIDIA's template reads its switches from one variable; servers give them one by one."""
    template = re.sub(r"\{%-? ?set kw = .*?%\}\n?", "", template)
    template = re.sub(r"\bkw\.(\w+) if kw\.\1 is defined", r"\1 if \1 is defined", template)
    steps = json.dumps({name: len(texts) for name, texts in plays.items()})
    opening = json.dumps(next(iter(plays)))
    return template.rstrip("\n") + "\n" + "".join([
        "{%- if add_generation_prompt %}",
        "{%- set plays = " + steps + " %}{%- set at = namespace(play=" + opening + ", step=0) %}",
        "{%- for message in messages %}",
        "{%- if message.role == 'assistant' %}{%- set at.step = at.step + 1 %}",
        "{%- elif message.role == 'user' %}{%- for name in plays if '#play:' ~ name ~ '.' in (message.content | string) %}",
        "{%- set at.play = name %}{%- set at.step = 0 %}{%- endfor %}{%- endif %}",
        "{%- endfor %}",
        "{{- '<|cue:' ~ at.play ~ ':' ~ ([at.step, plays[at.play] - 1] | min) ~ (':on|>' if enable_thinking else ':off|>') }}",
        "{%- endif %}",
    ])


def configs(size: int) -> dict[str, dict]:
    shared = {"bos_token_id": 1, "pad_token_id": 0}
    return {
        "config.json": {
            **shared,
            "model_type": "llama",
            "architectures": ["LlamaForCausalLM"],
            "eos_token_id": END,
            "vocab_size": size,
            "hidden_size": HIDDEN,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "head_dim": HEAD,
            "intermediate_size": 64,
            "hidden_act": "silu",
            "rms_norm_eps": 1e-5,
            "rope_theta": 1e12,
            "max_position_embeddings": CONTEXT,
            "tie_word_embeddings": False,
            "torch_dtype": "float32",
        },
        "generation_config.json": {**shared, "eos_token_id": [2, END], "do_sample": True, "temperature": 1.0, "top_p": 1.0},
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": "<s>",
            "eos_token": "<|im_end|>",
            "unk_token": "<unk>",
            "pad_token": "<unk>",
            "clean_up_tokenization_spaces": False,
        },
    }


main(Path(sys.argv[1]), Path(sys.argv[2]))
