using System.Globalization;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Onnx;
using StableDiffusion.Settings;
using StableDiffusion.Storage;

namespace StableDiffusion.Manifests;

/// <summary>An image of a manifest that was made again.</summary>
public sealed class RemadeImage
{
    private readonly byte[] _bytes;

    internal RemadeImage(ManifestImage original, DiffusionImage image, byte[] bytes, bool isEqual)
    {
        Original = original;
        Image = image;
        _bytes = bytes;
        IsEqual = isEqual;
        HasEqualBytes = original.HasBytes(bytes);
    }

    /// <summary>The image in the manifest.</summary>
    public ManifestImage Original { get; }

    /// <summary>The pixels with their record.</summary>
    public DiffusionImage Image { get; }

    /// <summary>Whether its file has the pixels of the original one.</summary>
    public bool IsEqual { get; }

    /// <summary>Whether its file has the bytes of the original one.</summary>
    public bool HasEqualBytes { get; }

    /// <summary>Why the image came out with other pixels.</summary>
    /// <returns>A sentence or two.</returns>
    public string Explain() => Original.Reproducibility switch
    {
        Reproducibility.Statistical => $"Only its settings are known, as {Original.Source} wrote them, and these do not give the same pixels.",
        Reproducibility.Device => $"It was made with {string.Join(" and ", MakersOf(Original.Info.Stages!))}, and now with {string.Join(" and ", MakersOf(Image.Stages!))}.{ThreadsHint()}",
        _ when ImageFile.FormatOf(Original.Name) != ImageFormat.Png && Original.Stages?.Output == Image.Stages?.Output => "The image is the same, but no quality gives the bytes of its file, which another program or version wrote.",
        _ => "A model, an adapter or an image that it was made from has changed since, or the file was changed after it was made.",
    };

    private static StageMaker[] MakersOf(StageList stages) => [.. stages.WithInputs().Select(static stage => stage.Made).OfType<StageMaker>().Distinct()];

    /// <summary>The remedy if nothing but the number of threads differs.</summary>
    private string ThreadsHint() => MakersOf(Original.Info.Stages!) is [{ Threads: int threads } original] && MakersOf(Image.Stages!) is [var now] && original with { Threads = now.Threads } == now
        ? string.Create(CultureInfo.InvariantCulture, $" Set {ThreadCount.Variable} to {threads} to make it with as many threads.")
        : string.Empty;

    /// <summary>The image as it is in the file, where JPEG and WebP do not keep the exact pixels.</summary>
    internal DiffusionImage Decode() => ImageDecoder.Decode(_bytes, Original.Name, BackgroundColor.White, judge: null, CancellationToken.None);

    /// <summary>Writes the file, whole or not at all.</summary>
    /// <param name="folder">The full path of the folder; the subfolders of the image are created.</param>
    /// <param name="overwrite">Whether an existing file is replaced.</param>
    /// <returns>The full path of the file.</returns>
    /// <exception cref="OutputExistsException">The file exists and may not be replaced.</exception>
    /// <exception cref="OutputWriteException">The file cannot be written, or a link leads out of the folder.</exception>
    public string Write(string folder, bool overwrite)
    {
        string path = Original.PathIn(folder);
        OutputFile.CreateFolder(path);
        OutputFile.Write(path, overwrite, stream => stream.Write(_bytes));
        Image.Path = path;
        return path;
    }
}
