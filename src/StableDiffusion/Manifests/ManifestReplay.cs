using StableDiffusion.Comparison;
using StableDiffusion.Images;
using StableDiffusion.Library;
using StableDiffusion.Metadata;
using StableDiffusion.Pipelines;
using StableDiffusion.Replaying;
using StableDiffusion.Settings;

namespace StableDiffusion.Manifests;

/// <summary>
/// Makes the images of a manifest again, each from its record. The images that they began with are found among those that are
/// given, in the folder, and among the images of the manifest, which are then made first.
/// </summary>
public sealed class ManifestReplay
{
    // As many images in a row can be made before the one that began with them. A folder of films can have longer rows, which are made in order.
    private const int DeepestRow = 100;

    private const long MostKeptBytes = 256 << 20;

    private readonly string _folder;
    private readonly ModelLibrary _library;
    private readonly StageUse _use;
    private readonly ReplayImages _images;
    private readonly ILookup<string, ManifestImage> _byPixels;
    private readonly HashSet<ManifestImage> _underWay = [];

    // What is known of the images that others began with, by the hash of their pixels: they are looked for, checked and made once.
    private readonly Dictionary<string, bool> _inFolder = new(StringComparer.Ordinal);
    private readonly Dictionary<string, DiffusionImage> _kept = new(StringComparer.Ordinal);
    private readonly Dictionary<ManifestImage, bool> _checked = [];
    private readonly HashSet<string> _failed = new(StringComparer.Ordinal);
    private long _keptBytes;
    private CancellationToken _cancellationToken;

    /// <summary>Initializes the work.</summary>
    /// <param name="manifest">The manifest.</param>
    /// <param name="folder">The full path of the folder of the images.</param>
    /// <param name="library">The models and adapters.</param>
    /// <param name="use">Runs a stage with the model of a name, opened with adapters.</param>
    public ManifestReplay(FolderManifest manifest, string folder, ModelLibrary library, StageUse use)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        _folder = folder;
        _library = library;
        _use = use;
        _images = new ReplayImages { Search = Search, CanFind = CanFind };
        _byPixels = manifest.Images.ToLookup(static image => image.PixelHash[..StageList.HashLength], StringComparer.Ordinal);
    }

    /// <summary>The model for all stages; null for the recorded ones.</summary>
    public string? Model { get; init; }

    /// <summary>The device of upscalers, by its name.</summary>
    public string Device { get; init; } = Onnx.Device.Auto;

    /// <summary>Observes the stages.</summary>
    public StageObserver Observer { get; init; } = new();

    /// <summary>Adds an image that others began with, which is not in the folder.</summary>
    /// <param name="image">The image.</param>
    /// <param name="mask">The same image as a mask.</param>
    public void Add(DiffusionImage image, MaskImage mask) => _images.Add(image, mask);

    /// <summary>Puts images into an order in which each comes after those that it began with.</summary>
    /// <param name="images">Images of the manifest.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <returns>The images.</returns>
    public IReadOnlyList<ManifestImage> Order(IReadOnlyCollection<ManifestImage> images, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(images);
        _cancellationToken = cancellationToken;
        return [.. InOrder(images).Where(images.ToHashSet().Contains)];
    }

    /// <summary>Finds what an image needs, and what may come out differently, before anything is made. The images that it began with are checked too.</summary>
    /// <param name="image">An image of the manifest.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <returns>Warnings, a sentence each.</returns>
    /// <exception cref="DiffusionException">It cannot be made; the message says why.</exception>
    public IReadOnlyList<string> Check(ManifestImage image, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        _cancellationToken = cancellationToken;
        foreach (ManifestImage before in InOrder([image], skipsChecked: true).Where(before => before != image))
        {
            _checked[before] = false;
            try
            {
                NewReplay().Check(FlatRecord.StagesOf(before.Info), cancellationToken);
                _checked[before] = true;
            }
            catch (DiffusionException)
            {
                // What began with it says which image is missing.
            }
        }

        _checked[image] = false;
        IReadOnlyList<string> warnings = NewReplay().Check(FlatRecord.StagesOf(image.Info), cancellationToken);
        _checked[image] = true;
        return warnings;
    }

    /// <summary>Makes an image again.</summary>
    /// <param name="image">An image of the manifest.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>The image, whether it is equal to the one in the manifest or not.</returns>
    /// <exception cref="DiffusionException">It cannot be made; the message says why.</exception>
    public RemadeImage Make(ManifestImage image, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        _cancellationToken = cancellationToken;
        _underWay.Add(image);
        try
        {
            RemadeImage made = Encode(image, NewReplay().Run(FlatRecord.StagesOf(image.Info), cancellationToken), cancellationToken);
            if (!made.IsEqual)
                _failed.Add(OutputOf(image));
            return made;
        }
        finally
        {
            _underWay.Remove(image);
        }
    }

    /// <summary>Compares the file of an image with the manifest and, if asked for, makes the image again to compare it too.</summary>
    /// <param name="image">An image of the manifest.</param>
    /// <param name="remakes">Whether it is made again.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <returns>What was found; faults of the image are in the report, not exceptions.</returns>
    public ManifestTestReport Test(ManifestImage image, bool remakes, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        string path = Path.Combine(_folder, image.Name);
        try
        {
            ManifestTestReport report = new(image, path, image.Compare(_folder, cancellationToken));
            if (remakes)
                Remake(report, cancellationToken);
            return report;
        }
        catch (OutputWriteException error)
        {
            return new ManifestTestReport(image, path, ManifestFileState.Unreadable) { Reason = error.Message };
        }
    }

    private void Remake(ManifestTestReport report, CancellationToken cancellationToken)
    {
        try
        {
            RemadeImage made = Make(report.Image, cancellationToken);
            report.Remade = made.IsEqual ? RemakeState.Equal : RemakeState.Different;
            if (made.IsEqual)
                return;

            report.Reason = made.Explain();
            if (report.FileState is ManifestFileState.Equal or ManifestFileState.EqualPixels)
                report.Comparison = new ImageComparison(ImageFile.ReadWithSettings(report.Path, cancellationToken), made.Image);
        }
        catch (DiffusionException error) when (!IsOfAll(error))
        {
            report.Remade = RemakeState.Failed;
            report.Reason = error.Message;
        }
    }

    // What no other image can succeed with, either.
    private bool IsOfAll(DiffusionException error) => error is DeviceUnavailableException or InvalidSettingException { Setting: nameof(Onnx.Device) } || (error is ModelNotFoundException && Model is not null);

    private StageReplay NewReplay() => new(_library, _use, _images) { Model = Model, Device = Device, Observer = Observer };

    /// <summary>Encodes an image as the file of the manifest was: with its record where the pixels are the same, otherwise with the new one.</summary>
    private static RemadeImage Encode(ManifestImage original, DiffusionImage made, CancellationToken cancellationToken)
    {
        ImageFormat format = ImageFile.FormatOf(original.Name);
        DiffusionImage recorded = new(made.Width, made.Height, made.Pixels, original.InFile);
        if (format == ImageFormat.Png)
        {
            bool isEqual = original.HasPixels(made);
            DiffusionImage image = isEqual ? recorded : made;
            return new RemadeImage(original, image, ImageFile.Encode(image, format, new ImageWriteOptions(), cancellationToken), isEqual);
        }

        // The quality is not in the file. Where the encoder is the same, one of them gives its bytes.
        if (original.Info.Stages?.Output is not string output || output == StageList.Hash<byte>(made.Pixels))
        {
            foreach (int quality in Enumerable.Range(1, 100).Reverse().Prepend(ImageWriteOptions.DefaultQuality))
            {
                cancellationToken.ThrowIfCancellationRequested();
                byte[] bytes = ImageFile.Encode(recorded, format, new ImageWriteOptions { Quality = quality }, cancellationToken);
                if (original.HasBytes(bytes))
                    return new RemadeImage(original, recorded, bytes, isEqual: true);
            }
        }

        return new RemadeImage(original, made, ImageFile.Encode(made, format, new ImageWriteOptions(), cancellationToken), isEqual: false);
    }

    /// <summary>Images and all those that they began with and that are not in the folder, each after these. A damaged manifest may have circles, which are cut.</summary>
    private List<ManifestImage> InOrder(IEnumerable<ManifestImage> images, bool skipsChecked = false)
    {
        List<ManifestImage> ordered = [];
        HashSet<ManifestImage> seen = [];
        Stack<(ManifestImage Image, bool IsLast)> left = new();
        foreach (ManifestImage image in images)
        {
            left.Push((image, false));
            while (left.TryPop(out (ManifestImage Image, bool IsLast) next))
            {
                _cancellationToken.ThrowIfCancellationRequested();
                if (next.IsLast)
                    ordered.Add(next.Image);
                else if (seen.Add(next.Image))
                {
                    left.Push((next.Image, true));
                    foreach (string output in BeginningsOf(next.Image))
                    {
                        if (!IsInFolder(output) && CandidateFor(output) is ManifestImage before && !seen.Contains(before) && !(skipsChecked && _checked.ContainsKey(before)))
                            left.Push((before, false));
                    }
                }
            }
        }

        return ordered;
    }

    private static IEnumerable<string> BeginningsOf(ManifestImage image) =>
        (image.Stages?.WithInputs() ?? []).Where(static stage => stage.Operation is StageOperation.ReadImage or StageOperation.Edit).Select(static stage => stage.Output).OfType<string>().Distinct();

    private static string OutputOf(ManifestImage image) => image.PixelHash[..StageList.HashLength];

    private ManifestImage? CandidateFor(string output) => _byPixels[output].FirstOrDefault(static image => image.Reproducibility != Reproducibility.None);

    private bool CanFind(string output) => _kept.ContainsKey(output) || IsInFolder(output) || (CandidateFor(output) is ManifestImage image && _checked.GetValueOrDefault(image));

    private DiffusionImage? Search(string output)
    {
        if (_kept.TryGetValue(output, out DiffusionImage? kept))
            return kept;
        if ((Read(output) ?? Remake(output)) is not DiffusionImage found)
            return null;
        Keep(output, found);
        return found;
    }

    private bool IsInFolder(string output)
    {
        if (!_inFolder.TryGetValue(output, out bool isThere))
            _inFolder[output] = isThere = Read(output) is not null;
        return isThere;
    }

    private DiffusionImage? Read(string output)
    {
        foreach (ManifestImage image in _byPixels[output])
        {
            _cancellationToken.ThrowIfCancellationRequested();
            try
            {
                string path = image.PathIn(_folder);
                if (File.Exists(path) && ImageFile.Load(path, _cancellationToken) is DiffusionImage read && image.HasPixels(read))
                    return read;
            }
            catch (Exception error) when (error is ImageInvalidException or OutputWriteException)
            {
                // It may be possible to make it again.
            }
        }

        return null;
    }

    private DiffusionImage? Remake(string output)
    {
        if (_failed.Contains(output) || _underWay.Count >= DeepestRow || CandidateFor(output) is not ManifestImage image || _underWay.Contains(image))
            return null;

        RemadeImage made = Make(image, _cancellationToken);
        return made.IsEqual ? made.Decode() : null;
    }

    // Many images often begin with the same one. What no longer fits is read or made again.
    private void Keep(string output, DiffusionImage image)
    {
        if (_keptBytes + image.Pixels.Length > MostKeptBytes)
        {
            _kept.Clear();
            _keptBytes = 0;
        }

        if (_kept.TryAdd(output, image))
            _keptBytes += image.Pixels.Length;
    }
}
