using System.Collections.ObjectModel;
using StableDiffusion.Settings;

namespace StableDiffusion.Metadata;

/// <summary>What a picture file says of how it was made.</summary>
public sealed class ImageMetadata : GeneratedObject
{
    internal ImageMetadata(MetadataSource source, GenerationInfo? info = null, string? randomSource = null)
        : base(info ?? new GenerationInfo())
    {
        Source = source;
        RandomSource = randomSource;
    }

    /// <summary>The tool whose way of writing was found.</summary>
    public MetadataSource Source { get; }

    /// <summary>
    /// The generator that the seed was meant for: <c>TorchCpu</c> or <c>Cuda</c>; null if it cannot be told.
    /// </summary>
    public override string? RandomSource { get; }

    /// <summary>How the prompts are to be read: <c>A1111</c>, <c>ComfyUI</c> or <c>Plain</c>; null if there are none.</summary>
    public override string? PromptSyntax => Info.Prompt is null ? null : Info.PromptSyntax ?? nameof(Prompts.PromptSyntax.Plain);

    /// <inheritdoc cref="GenerationSettings.Width"/>
    public int? Width => Info.Width;

    /// <inheritdoc cref="GenerationSettings.Height"/>
    public int? Height => Info.Height;

    /// <summary>All settings under the names that the tool has for them, in the file's order, without the prompts.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; internal init; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>All texts of the file as they are, in the file's order.</summary>
    public IReadOnlyList<TextEntry> Entries { get; internal set; } = [];

    /// <summary>What could not be read, or has no counterpart here, in sentences for a person.</summary>
    public IReadOnlyList<string> Warnings { get; internal set; } = [];

    /// <summary>The full path of the file.</summary>
    public string Path { get; internal set; } = "";

    /// <summary>A copy that says something else of the image.</summary>
    /// <param name="info">What made it.</param>
    /// <param name="warnings">The warnings.</param>
    internal ImageMetadata With(GenerationInfo info, IReadOnlyList<string> warnings) =>
        new(Source, info, RandomSource) { Settings = Settings, Entries = Entries, Warnings = warnings, Path = Path };

    /// <summary>The metadata in short.</summary>
    /// <returns>The tool, and the prompt if it is known.</returns>
    public override string ToString() => Info.Prompt is null ? $"{Source}" : $"{Source}: {Info.Prompt}";
}
