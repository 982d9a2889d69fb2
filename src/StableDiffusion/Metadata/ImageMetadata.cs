using System.Collections.ObjectModel;
using StableDiffusion.Settings;

namespace StableDiffusion.Metadata;

/// <summary>The generation settings in an image file.</summary>
public sealed class ImageMetadata : GeneratedObject
{
    internal ImageMetadata(MetadataSource source, GenerationInfo? info = null, string? randomSource = null)
        : base(info ?? new GenerationInfo())
    {
        Source = source;
        RandomSource = randomSource;
    }

    /// <summary>The tool that wrote the settings.</summary>
    public MetadataSource Source { get; }

    /// <summary>
    /// The random number generator that the seed is for: <c>TorchCpu</c> or <c>Cuda</c>; null if it cannot be determined.
    /// </summary>
    public override string? RandomSource { get; }

    /// <summary>The syntax of the prompts: <c>A1111</c>, <c>ComfyUI</c> or <c>Plain</c>; null if there are no prompts.</summary>
    public override string? PromptSyntax => Info.Prompt is null ? null : Info.PromptSyntax ?? nameof(Prompts.PromptSyntax.Plain);

    /// <inheritdoc cref="GenerationSettings.Width"/>
    public int? Width => Info.Width;

    /// <inheritdoc cref="GenerationSettings.Height"/>
    public int? Height => Info.Height;

    /// <summary>All settings with the names that the tool uses, in the file's order, without the prompts.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; internal init; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>All texts of the file, unchanged and in the file's order.</summary>
    public IReadOnlyList<TextEntry> Entries { get; internal set; } = [];

    /// <summary>Warnings about what could not be read or is not supported.</summary>
    public IReadOnlyList<string> Warnings { get; internal set; } = [];

    /// <summary>The full path of the file.</summary>
    public string Path { get; internal set; } = "";

    /// <summary>A copy with other settings and warnings.</summary>
    /// <param name="info">The settings.</param>
    /// <param name="warnings">The warnings.</param>
    internal ImageMetadata With(GenerationInfo info, IReadOnlyList<string> warnings) =>
        new(Source, info, RandomSource) { Settings = Settings, Entries = Entries, Warnings = warnings, Path = Path };

    /// <summary>A short description.</summary>
    /// <returns>The tool, and the prompt if it is known, in one printable line.</returns>
    public override string ToString() => PrintableText.Of(Info.Prompt is null ? $"{Source}" : $"{Source}: {Info.Prompt}");
}
