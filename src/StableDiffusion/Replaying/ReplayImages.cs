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

    // A file is decoded once, also if several stages began with it.
    private readonly Dictionary<(string Path, BackgroundColor Background, bool IsAlpha), DiffusionImage?> _opened = [];

    private readonly List<(string Name, string[] Hashes)> _given = [];
    private readonly HashSet<string> _found = new(StringComparer.Ordinal);

    /// <summary>Whether the paths in the record may be opened: those of an object that was made in this process, but not those that a file names.</summary>
    public bool OpensPaths { get; init; }

    /// <summary>Finds or makes an image that was not added, by the hash of its pixels as in <see cref="GenerationStage.Output"/>; null for none.</summary>
    internal Func<string, DiffusionImage?>? Search { get; init; }

    /// <summary>Whether <see cref="Search"/> will find an image, without making it.</summary>
    internal Predicate<string>? CanFind { get; init; }

    /// <summary>The descriptions of the images that were given, but that no stage has asked for so far. None if other images are to be made with them, too.</summary>
    public IEnumerable<string> Unused => Search is not null ? [] : _given.Where(given => !given.Hashes.Any(_found.Contains)).Select(static given => given.Name);

    /// <summary>The number of bytes of their pixels.</summary>
    internal long Bytes => _images.Values.Sum(static image => image.Pixels.LongLength) + _masks.Values.Sum(static mask => mask.Pixels.LongLength) + _opened.Values.Sum(static image => image?.Pixels.LongLength ?? 0);

    /// <summary>Adds an image.</summary>
    /// <param name="image">The image.</param>
    /// <param name="mask">The same image as a mask; null if it is not given as one.</param>
    public void Add(DiffusionImage image, MaskImage? mask = null)
    {
        ArgumentNullException.ThrowIfNull(image);
        string[] hashes = [StageList.Hash<byte>(image.Pixels), .. mask is null ? [] : (string[])[StageList.Hash<byte>(mask.Pixels)]];
        _images.TryAdd(hashes[0], image);
        if (mask is not null)
            _masks.TryAdd(hashes[1], mask);
        _given.Add((image.Path is null ? $"The image '{image}'" : $"The image '{image.Path}'", hashes));
    }

    /// <summary>Whether there is an image with these pixels.</summary>
    /// <param name="output">The hash of the pixels; null if unknown.</param>
    internal bool Has(string? output) => output is not null && (_images.ContainsKey(output) || CanFind?.Invoke(output) == true);

    /// <summary>Finds an image by the hash of its pixels or, if the record allows it, by its path.</summary>
    /// <param name="stage">The stage that read it.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <returns>The image, which has other pixels if its file was changed; null if it was not given.</returns>
    internal DiffusionImage? Find(GenerationStage stage, CancellationToken cancellationToken)
    {
        if (stage.Output is not string output)
            return Open(stage, cancellationToken);
        if (!_images.TryGetValue(output, out DiffusionImage? given))
            return Search?.Invoke(output) ?? Open(stage, cancellationToken);
        _found.Add(output);
        return given;
    }

    /// <summary>Finds a mask by the hash of its values.</summary>
    /// <param name="output">The hash.</param>
    internal MaskImage? FindMask(string output)
    {
        if (!_masks.TryGetValue(output, out MaskImage? given))
            return null;
        _found.Add(output);
        return given;
    }

    private DiffusionImage? Open(GenerationStage stage, CancellationToken cancellationToken)
    {
        if (!OpensPaths || stage.Text("Path") is not string path || !Path.IsPathFullyQualified(path))
            return null;

        // A mask, behind which is black, had a number here once.
        BackgroundColor background = stage.Number<int>("Background") is 0 ? BackgroundColor.Black : BackgroundColor.Parse(stage.Text("Background"));
        bool isAlpha = stage.Settings.GetValueOrDefault("IsAlpha") is true;
        if (!_opened.TryGetValue((path, background, isAlpha), out DiffusionImage? image))
            _opened.Add((path, background, isAlpha), image = !File.Exists(path) ? null : isAlpha ? ImageFile.LoadMaskPixels(path, cancellationToken) : ImageFile.Load(path, background, cancellationToken));
        return image;
    }
}
