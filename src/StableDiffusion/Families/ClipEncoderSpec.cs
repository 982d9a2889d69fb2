using StableDiffusion.Families.Checkpoints;
using StableDiffusion.Families.Keys;
using StableDiffusion.Tensors;
using StableDiffusion.Weights;

namespace StableDiffusion.Families;

/// <summary>A CLIP text encoder of a family.</summary>
/// <param name="Prefix">The prefix of its tensors' names in a single file.</param>
/// <param name="IsOpenClip">Whether it is from OpenCLIP: other names of the weights, another activation, and prompts padded with token 0.</param>
internal sealed record ClipEncoderSpec(string Prefix, bool IsOpenClip)
{
    // Token 0 in the vocabulary of OpenCLIP's encoders.
    private const string OpenClipPadding = "!";

    /// <summary>The end of the names of its folder and its tokenizer's: <c>_2</c> for a second one.</summary>
    public string Suffix { get; init; } = string.Empty;

    /// <summary>Whether the model was trained on the output of the penultimate layer: the last layer and the projection are not read.</summary>
    public bool EndsAtPenultimate { get; init; }

    /// <summary>The token that short prompts are padded with; null for the token that ends a text.</summary>
    public string? PaddingToken => IsOpenClip ? OpenClipPadding : null;

    /// <summary>Whether the encoder is in a single file.</summary>
    public bool IsIn(ITensorFile file) => IsOpenClip
        ? file.Tensors.ContainsKey(Prefix + OpenClipKeys.Marker)
        : file.Tensors.ContainsKey($"{Prefix}{ClipKeys.Root}{ClipKeys.Marker}") || file.Tensors.ContainsKey(Prefix + ClipKeys.Marker);

    /// <summary>Reads the encoder's weights.</summary>
    /// <param name="reader">Reads the file.</param>
    public MappedWeights Read(CheckpointReader reader) => IsOpenClip ? reader.ReadOpenClip(Prefix, EndsAtPenultimate) : reader.ReadClip(Prefix);
}
