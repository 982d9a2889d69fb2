using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;

namespace StableDiffusion.Replaying;

/// <summary>The images and masks that recorded stages began with, as the user gives them.</summary>
public sealed class ReplayImages
{
    // By the hash of their pixels, which is asked for at each stage, before and while the stages run.
    private readonly Dictionary<string, DiffusionImage> _images = new(StringComparer.Ordinal);
    private readonly Dictionary<string, MaskImage> _masks = new(StringComparer.Ordinal);

    /// <summary>Whether the paths in the record may be opened: those of an object that was made in this process, but not those that a file names.</summary>
    public bool OpensPaths { get; init; }

    /// <summary>Finds an image that was not added by the hash of its pixels, as in <see cref="GenerationStage.Output"/>; null for none.</summary>
    internal Func<string, DiffusionImage?>? Search { get; init; }

    /// <summary>Adds an image.</summary>
    /// <param name="image">The image.</param>
    public void Add(DiffusionImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        _images.TryAdd(StageList.Hash<byte>(image.Pixels), image);
    }

    /// <summary>Adds a mask.</summary>
    /// <param name="mask">The mask.</param>
    public void Add(MaskImage mask)
    {
        ArgumentNullException.ThrowIfNull(mask);
        _masks.TryAdd(StageList.Hash<byte>(mask.Pixels), mask);
    }

    /// <summary>Finds an image by the hash of its pixels or, if the record allows it, by its path.</summary>
    /// <param name="stage">The stage that read it.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <returns>The image; null if it was not given.</returns>
    internal DiffusionImage? Find(GenerationStage stage, CancellationToken cancellationToken)
    {
        if (stage.Output is string output && (_images.GetValueOrDefault(output) ?? Search?.Invoke(output)) is DiffusionImage given)
            return given;
        return OpensPaths && stage.Text("Path") is string path && Path.IsPathFullyQualified(path) && File.Exists(path)
            ? ImageFile.Load(path, (byte)(stage.Number<int>("Background") ?? byte.MaxValue), cancellationToken)
            : null;
    }

    /// <summary>Finds a mask by the hash of its values.</summary>
    /// <param name="output">The hash.</param>
    internal MaskImage? FindMask(string output) => _masks.GetValueOrDefault(output);
}
