"""Operations of one request of `riveg bench models` to each stage of riveg-large: products and convolutions, nothing padded."""

# A multiplication and an addition.
EACH = 2.0
# Pieces of a text and tokens of a prompt, as src/cli/bench.rs has them; the beam of the bundle.
PIECES, PROMPT, BEAM = 160.0, 40.0, 5.0


def transformer(tokens, width, inner, seen):
    """One layer: four projections, the feed-forward layer, and attention to `seen` others."""
    return tokens * (4 * width * width + 2 * width * inner) + 2 * tokens * seen * width


def xlm_roberta_large():
    return EACH * 24 * transformer(PIECES, 1024, 4096, PIECES)


def resnet(side):
    """The first three stages of ResNet-152."""
    total = (side / 2) ** 2 * 49 * 3 * 64
    cells, channels = (side / 4) ** 2, 64.0
    for stage, blocks in enumerate([3, 8, 36]):
        planes = 64.0 * 2**stage
        for block in range(blocks):
            out = cells / 4 if block == 0 and stage > 0 else cells
            total += cells * channels * planes + out * 13 * planes * planes
            if block == 0:
                total += out * channels * 4 * planes
            cells, channels = out, 4 * planes
    return EACH * total


def ofa_large(side, rows, seen):
    """Trunk and encoder, and a decoder of so many rows, each of which sees so many others."""
    cells = (side / 16) ** 2
    source, width, inner = cells + PROMPT, 1024, 4096
    encoder = cells * 1024 * width + 12 * transformer(source, width, inner, source)
    own = rows * 4 * width * width + 2 * rows * seen * width
    across = (2 * rows + 2 * source) * width * width + 2 * rows * source * width
    return resnet(side) + EACH * (encoder + 12 * (own + across + rows * 2 * width * inner))


def entail():
    return ofa_large(480, PROMPT - 1, PROMPT - 1)


def ground():
    rows = 1 + 4 * BEAM
    return ofa_large(512, rows, 3.0) + EACH * rows * 59457 * 1024


def sam_vit_h():
    """The encoder: 32 layers of which four see all cells, the others windows of 14; and one box."""
    cells, width, inner = 4096.0, 1280.0, 5120.0
    total = cells * 768 * width
    for layer in range(32):
        side = 64.0 if layer in (7, 15, 23, 31) else 14.0
        total += cells * (4 * width * width + 2 * width * inner + (2 * side * side + 2 * side) * width)
    total += cells * (width * 256 + 9 * 256 * 256)
    return EACH * total + 3.6e9


OF_STAGE = {"recognise": xlm_roberta_large, "entail": entail, "ground": ground, "segment": sam_vit_h}


def of_stage(stage):
    return OF_STAGE[stage]()
