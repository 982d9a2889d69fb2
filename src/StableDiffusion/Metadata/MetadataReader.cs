using System.Collections.ObjectModel;
using System.Text.Json;
using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.Formats.Gif;
using SixLabors.ImageSharp.Formats.Jpeg;
using SixLabors.ImageSharp.Formats.Png;
using SixLabors.ImageSharp.Formats.Tiff;
using SixLabors.ImageSharp.Formats.Webp;
using StableDiffusion.Images;
using StableDiffusion.Settings;

namespace StableDiffusion.Metadata;

/// <summary>Reads the generation settings of image files, without decoding their pixels.</summary>
public static class MetadataReader
{
    private const string GraphMark = "prompt:";

    /// <summary>Reads the metadata of a PNG, JPEG, WebP, GIF, AVIF or TIFF file. The format is detected from the contents, not from the name.</summary>
    /// <param name="path">The file.</param>
    /// <returns>
    /// The metadata. If the file has none, or none in a known form, the source is <see cref="MetadataSource.Unknown"/> and a
    /// warning says so. A damaged file gives the texts before the damage, and a warning.
    /// </returns>
    /// <exception cref="ImageInvalidException">The file does not exist, cannot be opened, or is not an image of a known format.</exception>
    public static ImageMetadata Read(string path) => Load(path, CancellationToken.None);

    /// <summary>Reads the metadata as <see cref="Read"/> does, until it is cancelled.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    internal static ImageMetadata Load(string path, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);

        string name = ImageFile.NameOf(path);
        ImageMetadata metadata = Parse(ImageFile.ReadBytes(path, name), name, cancellationToken);
        metadata.Path = Path.GetFullPath(path);
        return metadata;
    }

    /// <summary>The metadata that a file of an image would have.</summary>
    /// <param name="image">The image.</param>
    internal static ImageMetadata Of(DiffusionImage image) => Parse(ImageFile.Encode(new DiffusionImage(1, 1, new byte[DiffusionImage.Channels]), RecordedNames.Only(image.Recorded), ImageFormat.Png, new ImageWriteOptions()), "The image", CancellationToken.None);

    /// <summary>Reads an image with the settings that its file contains, whatever tool wrote them.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <returns>The image, and warnings about settings that it lacks. Without any settings, there are no warnings.</returns>
    /// <exception cref="ImageInvalidException">As for <see cref="ImageFile.Read"/>.</exception>
    internal static (DiffusionImage Image, IReadOnlyList<string> Warnings) LoadImage(string path, CancellationToken cancellationToken)
    {
        string name = ImageFile.NameOf(path);
        (DiffusionImage image, ImageMetadata metadata) = Decode(ImageFile.ReadBytes(path, name), path, cancellationToken);
        return (image, metadata.Source == MetadataSource.Unknown ? [] : metadata.Warnings);
    }

    /// <summary>Reads an image with its settings from the bytes of its file.</summary>
    /// <param name="data">The bytes.</param>
    /// <param name="path">The file.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <exception cref="ImageInvalidException">They are not those of an image, or are damaged.</exception>
    internal static (DiffusionImage Image, ImageMetadata Metadata) Decode(byte[] data, string path, CancellationToken cancellationToken)
    {
        string name = ImageFile.NameOf(path);
        DiffusionImage pixels = ImageDecoder.Decode(data, name, BackgroundColor.White, judge: null, cancellationToken);
        ImageMetadata metadata = Parse(data, name, cancellationToken);
        GenerationInfo info = metadata.Info with { RandomSource = metadata.RandomSource is nameof(Noise.RandomSource.TorchCpu) ? null : metadata.RandomSource };
        DiffusionImage image = new(pixels.Width, pixels.Height, pixels.Pixels, info);
        image.MarkRead(Path.GetFullPath(path), BackgroundColor.White);
        return (image, metadata);
    }

    /// <summary>Reads the metadata of the bytes of a file; of a PNG file, those up to the pixels are enough.</summary>
    /// <param name="data">The bytes.</param>
    /// <param name="name">The name of the file in messages.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    internal static ImageMetadata Parse(byte[] data, string name, CancellationToken cancellationToken)
    {
        TextEntryList texts = new(cancellationToken);
        ReadTexts(data, name, texts);
        List<string> warnings = [];
        ImageMetadata metadata = Interpret(texts.Entries, warnings, cancellationToken);
        metadata = metadata.With(RecordedNames.WithoutImages(RecordedNames.Only(metadata.Info), warnings), []);
        metadata.Entries = texts.Entries;
        metadata.Warnings = [.. texts.Warnings.Concat(warnings).Select(static warning => PrintableText.Of(warning))];
        return metadata;
    }

    private static void ReadTexts(byte[] data, string name, TextEntryList texts)
    {
        if (ImageSignature.IsHeif(data, "avif"u8))
        {
            AvifTexts.Read(data, name, texts);
            return;
        }

        IImageFormat format = ImageSignature.Detect(data, name);
        switch (format)
        {
            case PngFormat:
                PngTexts.Read(data, texts);
                break;
            case JpegFormat:
                JpegTexts.Read(data, texts);
                break;
            case WebpFormat:
                WebPTexts.Read(data, texts);
                break;
            case GifFormat:
                GifTexts.Read(data, texts);
                break;
            case TiffFormat:
                ExifTexts.Read(data, texts);
                break;
            default:
                // Other formats have no texts, and their first bytes also occur in files that are not images.
                ImageDecoder.Identify(data, format, name);
                break;
        }
    }

    private static ImageMetadata Interpret(IReadOnlyList<TextEntry> entries, List<string> warnings, CancellationToken cancellationToken)
    {
        // If several texts have the same name, the first is used.
        OrderedDictionary<string, string> texts = new(StringComparer.Ordinal);
        foreach (TextEntry entry in entries)
            texts.TryAdd(entry.Keyword, entry.Text);

        cancellationToken.ThrowIfCancellationRequested();
        if (texts.TryGetValue(ImageTexts.RecordName, out string? record) && GenerationRecord.Read(record) is GenerationInfo info)
        {
            info = GenerationRecord.Usable(info, warnings);
            if (info.Stages is not null && OneImage.Match(info.Stages)?.FindContradiction(info) is string setting)
            {
                warnings.Add($"The record was changed: its settings and its stages differ in {setting}. The settings are used, and the stages are not.");
                info = info with { Stages = null };
            }

            if (info.Strength is not null && (info.Stages is null || info.Stages.Files.Any()))
                warnings.Add("The image was made from another image, which the file does not contain. Give that image to make it again.");
            if (info.Stages is [.., { Operation: StageOperation.Edit }])
                warnings.Add(StageList.EditWarning);
            return new ImageMetadata(MetadataSource.PowerShell, info, info.Seed is null ? null : info.RandomSource ?? nameof(Noise.RandomSource.TorchCpu))
            {
                Settings = FindInfotext(entries, texts, cancellationToken) is string own ? InfotextParser.Parse(own).Settings : ReadOnlyDictionary<string, string>.Empty,
            };
        }

        if (NovelAiMetadata.Read(texts, warnings, cancellationToken) is ImageMetadata novelAi)
            return novelAi;

        string? graph = FindGraph(texts, cancellationToken);
        if (FindInfotext(entries, texts, cancellationToken) is string infotext)
            return InfotextMetadata.Read(infotext, graph is not null, warnings);
        if (graph is not null && ComfyGraph.Read(graph, warnings, cancellationToken) is ImageMetadata comfy)
            return comfy;
        if (texts.TryGetValue("invokeai_metadata", out string? invoke) && InvokeAiMetadata.Read(invoke, warnings, cancellationToken) is ImageMetadata invokeAi)
            return invokeAi;

        if (texts.ContainsKey("workflow"))
        {
            warnings.Add("The file contains the workflow of ComfyUI's editor, but not the graph that was run ('prompt'); nothing was read from it.");
            return new ImageMetadata(MetadataSource.ComfyUI);
        }

        warnings.Add(texts.Count == 0
            ? "The file contains no generation settings."
            : $"The file contains no generation settings in a known form; it has texts named {string.Join(", ", texts.Keys.Take(10))}.");
        return new ImageMetadata(MetadataSource.Unknown);
    }

    // As in A1111, a user comment takes precedence over the text of a PNG file. Comments of JPEG and GIF files are often unrelated.
    private static string? FindInfotext(IReadOnlyList<TextEntry> entries, OrderedDictionary<string, string> texts, CancellationToken cancellationToken)
    {
        if (texts.TryGetValue("UserComment", out string? text) && !IsJson(text, cancellationToken))
            return text;
        if (texts.TryGetValue("parameters", out text) && !IsJson(text, cancellationToken))
            return text;
        return entries.FirstOrDefault(entry => entry.Keyword == "Comment" && InfotextParser.Parse(entry.Text).Settings.Count > 0)?.Text;
    }

    // In PNG it is the text of that name; in animated WebP it is in an EXIF tag, after the name.
    private static string? FindGraph(OrderedDictionary<string, string> texts, CancellationToken cancellationToken)
    {
        if (texts.TryGetValue("prompt", out string? graph) && IsJson(graph, cancellationToken))
            return graph;

        graph = texts.Values.FirstOrDefault(text => text.StartsWith(GraphMark, StringComparison.OrdinalIgnoreCase));
        return graph is not null && IsJson(graph[GraphMark.Length..], cancellationToken) ? graph[GraphMark.Length..] : null;
    }

    private static bool IsJson(string text, CancellationToken cancellationToken)
    {
        using JsonDocument? document = JsonText.ParseObject(text, cancellationToken);
        return document is not null;
    }
}
