using StableDiffusion.Tensors;

namespace StableDiffusion.Text;

/// <summary>The text conditioning of the U-Net. A class, so that repeated use of one is recognized by its identity.</summary>
/// <param name="HiddenStates">One vector per token, [1, tokens, width].</param>
/// <param name="PooledState">One vector for the whole text, [1, width], which SDXL also uses; null for other models.</param>
internal sealed record TextVectors(Tensor HiddenStates, Tensor? PooledState)
{
    /// <summary>Zeros, which SDXL uses if there is no negative prompt.</summary>
    /// <param name="like">Vectors of the same shapes.</param>
    public static TextVectors Zeros(TextVectors like) => new(
        new Tensor([.. like.HiddenStates.Shape]),
        like.PooledState is null ? null : new Tensor([.. like.PooledState.Shape]));

    /// <summary>The vectors of a longer text: A1111 repeats the last one.</summary>
    /// <param name="tokens">The number of tokens, not fewer than there are.</param>
    public TextVectors Lengthen(int tokens)
    {
        int width = HiddenStates.Shape[2];
        if (HiddenStates.Shape[1] == tokens)
            return this;

        Tensor longer = new(1, tokens, width);
        HiddenStates.Span.CopyTo(longer.Span);
        for (int token = HiddenStates.Shape[1]; token < tokens; token++)
            HiddenStates.Span[^width..].CopyTo(longer.Span[(token * width)..]);
        return this with { HiddenStates = longer };
    }

    /// <summary>Joins the outputs of two text encoders for the same text.</summary>
    public static TextVectors Join(TextVectors first, TextVectors second) => new(
        JoinWidths(first.HiddenStates, second.HiddenStates),
        first.PooledState ?? second.PooledState);

    private static Tensor JoinWidths(Tensor first, Tensor second)
    {
        int tokens = first.Shape[1];
        int firstWidth = first.Shape[2];
        int secondWidth = second.Shape[2];
        Tensor joined = new(1, tokens, firstWidth + secondWidth);
        for (int token = 0; token < tokens; token++)
        {
            Span<float> row = joined.Span.Slice(token * (firstWidth + secondWidth), firstWidth + secondWidth);
            first.Span.Slice(token * firstWidth, firstWidth).CopyTo(row);
            second.Span.Slice(token * secondWidth, secondWidth).CopyTo(row[firstWidth..]);
        }

        return joined;
    }
}
