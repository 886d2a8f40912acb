"""One question to the language model, and what a customer may read of its answer; to try it, without a customer."""

from dataclasses import dataclass

from conversations.language_model import LanguageModel, LanguageModelConfig, ModelFailed
from conversations.meanings import Meaning
from conversations.own_words import own_words
from conversations.products import Product, Products
from conversations.prompting import LONGEST_QUESTION, instructions, judged, question
from conversations.trial import Trial
from personas.model import Persona, Shop

SHORTEST_QUESTION = 2
"""Characters; one sign is no question."""
_UNPREPARED = frozenset({Meaning.QUESTION, Meaning.ORDER_STATUS})


@dataclass(frozen=True, slots=True)
class Consulted:
    """What it said, and what that cost. `reason`: a word for why no customer reads it, '' when they may."""

    text: str
    tokens: int
    reason: str


async def consult(
    model: LanguageModel, config: LanguageModelConfig, persona: Persona, shop: Shop, products: Products, words: str,
    meant: Product | None,
) -> Consulted:  # fmt: skip
    """Ask once about `words`, of the goods that are `meant`, and judge. Raises ModelFailed."""
    told = instructions(persona, shop, products, longest=config.longest, meant=meant)
    asked = question(words)
    completion = await model.complete(told, asked)
    reason = judged(completion.text, told, asked, shop, longest=config.longest, banned=config.banned)
    return Consulted(completion.text, completion.tokens, reason)


def may_be_asked(words: str) -> bool:
    """Is it neither a sign nor a story?"""
    return SHORTEST_QUESTION <= len(words) <= LONGEST_QUESTION


def left_to_the_model(trial: Trial, text: str) -> bool:
    """Would it be asked about `text`, where it is on: nothing is prepared, and no person is needed?"""
    unprepared = trial.answer is None and trial.hand_over and trial.meaning in _UNPREPARED
    return unprepared and may_be_asked(own_words(text).text)


async def try_model(
    config: LanguageModelConfig, persona: Persona, shop: Shop, products: Products, text: str
) -> Consulted:
    """Asked now and for real, beyond the day's budget. A service that fails is a reason, too. Raises nothing."""
    words, model = own_words(text), LanguageModel(config)
    meant = products.titled(words.shared) if words.shared else products.named_in(words.text)
    try:
        return await consult(model, config, persona, shop, products, words.text, meant)
    except ModelFailed as failed:
        return Consulted("", 0, failed.reason)
    finally:
        await model.close()
