using StableDiffusion.Prompts;

namespace StableDiffusion.Text;

/// <summary>How a prompt is parsed and encoded.</summary>
public sealed record PromptOptions
{
    /// <summary>The defaults: plain text, and the last layer of the encoder.</summary>
    public static PromptOptions Default { get; } = new();

    /// <summary>The syntax of the prompt.</summary>
    public PromptSyntax Syntax { get; init; } = PromptSyntax.Plain;

    /// <summary>The effect of weights in A1111's syntax.</summary>
    public EmphasisMode Emphasis { get; init; } = EmphasisMode.Original;

    /// <summary>
    /// The layer of the text encoder to use, counted from the last one as in A1111: 1 is the last one, 2 the one before it.
    /// </summary>
    public int ClipSkip { get; init; } = 1;

    /// <summary>
    /// The words of textual inversion that the prompt may use: by themselves, as in diffusers and A1111, or in ComfyUI's syntax as
    /// <c>embedding:name</c>.
    /// </summary>
    public IReadOnlyList<TextualInversion> TextualInversions { get; init; } = [];

    /// <summary>The names of the LoRAs that the model is opened with, for which tags in the prompt need no warning.</summary>
    internal IReadOnlyCollection<string> LoraNames { get; init; } = [];

    /// <summary>Those LoRAs with their strengths, as text.</summary>
    internal IReadOnlyList<string> Loras { get; init; } = [];
}
