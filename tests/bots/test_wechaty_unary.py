"""The short way of a question to a gateway says the same as the long one."""

from hpack import Decoder
from hypothesis import example, given
from hypothesis import strategies as st
from wechaty_grpc.wechaty import puppet

from bots.wechaty_contents import text_request
from bots.wechaty_gateway import WechatyGateway
from bots.wechaty_unary import RememberingEncoder
from storage.outbox import Content
from tests.bots.hostile_gateways import TOKEN, Puppet, serving

_WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
_BLOCKS = st.lists(st.sampled_from([b"/a", b"/b", b"x" * 60, b"y" * 90, b"z" * 3000]), min_size=1, max_size=4)


@given(to=_WORDS, text=_WORDS, mentions=st.lists(_WORDS, max_size=3))
def test_a_text_is_encoded_as_the_generated_class_does(to: str, text: str, mentions: list[str]) -> None:
    request = puppet.MessageSendTextRequest(conversation_id=to, text=text, mentonal_ids=mentions)
    assert text_request(to, text, mentions) == bytes(request)


@example([[b"/a"], 0, 0, [b"/b"], 4096, [b"/a", b"/b"], [b"/b"]])
@given(st.lists(st.one_of(_BLOCKS, st.sampled_from([0, 64, 200, 4096])), max_size=40))
def test_a_remembered_block_of_headers_is_read_as_what_was_meant(steps: list[list[bytes] | int]) -> None:
    """Whatever was encoded before, pushed out of the table, or resized in between."""
    encoder, decoder = RememberingEncoder(), Decoder()
    for step in steps:
        if isinstance(step, int):
            encoder.header_table_size = step
            continue
        headers = [(b":path", value) for value in step]
        assert decoder.decode(encoder.encode(headers), raw=True) == headers


async def test_what_is_too_long_for_one_frame_arrives_as_well() -> None:
    service = Puppet()
    words = ["在吗", "长" * 30_000, "好的"]
    async with serving(service) as endpoint:
        gateway = WechatyGateway("lin-1", endpoint, TOKEN)
        await gateway.open()
        for text in words:
            await gateway.send("wxid_anna", Content(text=text))
        await gateway.close()
    sent = [puppet.MessageSendTextRequest().parse(raw) for method, raw in service.asked if method == "MessageSendText"]
    assert [request.text for request in sent] == words
