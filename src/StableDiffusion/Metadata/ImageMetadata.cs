using System.Collections.ObjectModel;
using System.Text.Json;
using StableDiffusion.Settings;

namespace StableDiffusion.Metadata;

/// <summary>The generation settings in an image file.</summary>
public sealed class ImageMetadata : GeneratedObject
{
    private static readonly JsonSerializerOptions s_options = new() { RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true };

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

    /// <summary>The metadata as bytes.</summary>
    internal byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(
        new Content(Source, GenerationRecord.Write(Info), RandomSource, [.. Settings], [.. Entries], [.. Warnings], Path), s_options);

    /// <summary>The metadata of <see cref="ToBytes"/>.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <exception cref="ImageInvalidException">They are damaged.</exception>
    internal static ImageMetadata FromBytes(byte[] bytes)
    {
        try
        {
            Content content = JsonSerializer.Deserialize<Content>(bytes, s_options) ?? throw new JsonException();
            List<string> warnings = [.. content.Warnings.OfType<string>()];
            return new ImageMetadata(content.Source, RecordedNames.Only(GenerationRecord.Read(content.Record) ?? new GenerationInfo(), warnings), content.RandomSource)
            {
                Settings = new OrderedDictionary<string, string>(content.Settings.Where(static setting => setting is { Key: not null, Value: not null }), StringComparer.Ordinal),
                Entries = [.. content.Entries.OfType<TextEntry>()],
                Warnings = warnings,
                Path = content.Path,
            };
        }
        catch (Exception error) when (error is JsonException or ArgumentException or InvalidOperationException)
        {
            throw new ImageInvalidException("The metadata of the image is damaged.", error);
        }
    }

    /// <summary>A short description.</summary>
    /// <returns>The tool, and the prompt if it is known.</returns>
    public override string ToString() => Info.Prompt is null ? $"{Source}" : $"{Source}: {Info.Prompt}";

    /// <summary>Everything that metadata consists of.</summary>
    private sealed record Content(
        MetadataSource Source, string Record, string? RandomSource, KeyValuePair<string, string>[] Settings, TextEntry[] Entries, string[] Warnings, string Path);
}
