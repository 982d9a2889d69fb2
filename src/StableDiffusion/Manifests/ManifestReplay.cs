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
    private readonly string _folder;
    private readonly ModelLibrary _library;
    private readonly StageUse _use;
    private readonly ReplayImages _images;
    private readonly ILookup<string, ManifestImage> _byPixels;
    private readonly HashSet<ManifestImage> _underWay = [];
    private (string Output, DiffusionImage Image)? _found;
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

    /// <summary>Observes the stages.</summary>
    public StageObserver Observer { get; init; } = new();

    /// <summary>Adds an image that others began with, which is not in the folder.</summary>
    /// <param name="image">The image.</param>
    /// <param name="mask">The same image as a mask.</param>
    public void Add(DiffusionImage image, MaskImage mask) => _images.Add(image, mask);

    /// <summary>Finds what an image needs, and what may come out differently, before anything is made.</summary>
    /// <param name="image">An image of the manifest.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <returns>Warnings, a sentence each.</returns>
    /// <exception cref="DiffusionException">It cannot be made; the message says why.</exception>
    public IReadOnlyList<string> Check(ManifestImage image, CancellationToken cancellationToken = default)
    {
        return Within(image, cancellationToken, replay => replay.Check(StagesOf(image), cancellationToken));
    }

    /// <summary>Makes an image again.</summary>
    /// <param name="image">An image of the manifest.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>The image, whether it is equal to the one in the manifest or not.</returns>
    /// <exception cref="DiffusionException">It cannot be made; the message says why.</exception>
    public RemadeImage Make(ManifestImage image, CancellationToken cancellationToken = default) =>
        Within(image, cancellationToken, replay => Encode(image, replay.Run(StagesOf(image), cancellationToken), cancellationToken));

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
        catch (DiffusionException error)
        {
            report.Remade = RemakeState.Failed;
            report.Reason = error.Message;
        }
    }

    // A damaged manifest may have images that begin with each other.
    private T Within<T>(ManifestImage image, CancellationToken cancellationToken, Func<StageReplay, T> work)
    {
        ArgumentNullException.ThrowIfNull(image);
        _cancellationToken = cancellationToken;
        _underWay.Add(image);
        try
        {
            return work(new StageReplay(_library, _use, _images) { Model = Model, Observer = Observer });
        }
        finally
        {
            _underWay.Remove(image);
        }
    }

    private static StageList StagesOf(ManifestImage image) => image.Info.Stages ?? FlatRecord.ToStages(image.Info);

    /// <summary>Encodes an image as the file of the manifest was: with its record where the pixels are the same, otherwise with the new one.</summary>
    private static RemadeImage Encode(ManifestImage original, DiffusionImage made, CancellationToken cancellationToken)
    {
        ImageFormat format = ImageFile.FormatOf(original.Name);
        DiffusionImage recorded = new(made.Width, made.Height, made.Pixels, original.InFile);
        if (format == ImageFormat.Png)
        {
            bool isEqual = original.HasPixels(made);
            DiffusionImage image = isEqual ? recorded : made;
            return new RemadeImage(original, image, ImageFile.Encode(image, format, new ImageWriteOptions()), isEqual);
        }

        // The quality is not in the file. Where the encoder is the same, one of them gives its bytes.
        if (original.Info.Stages?.Output is not string output || output == StageList.Hash<byte>(made.Pixels))
        {
            foreach (int quality in Enumerable.Range(1, 100).Reverse().Prepend(ImageWriteOptions.DefaultQuality))
            {
                cancellationToken.ThrowIfCancellationRequested();
                byte[] bytes = ImageFile.Encode(recorded, format, new ImageWriteOptions { Quality = quality });
                if (original.HasBytes(bytes))
                    return new RemadeImage(original, recorded, bytes, isEqual: true);
            }
        }

        return new RemadeImage(original, made, ImageFile.Encode(made, format, new ImageWriteOptions()), isEqual: false);
    }

    /// <summary>Finds an image that another began with: in the folder or, if it is not there, by making it. The last one is kept, since it is often the same.</summary>
    private DiffusionImage? Search(string output)
    {
        if (_found?.Output != output)
            _found = (Read(output) ?? Remake(output)) is DiffusionImage image ? (output, image) : null;
        return _found?.Image;
    }

    private bool CanFind(string output)
    {
        if (Read(output) is not null)
            return true;
        if (Missing(output) is not ManifestImage missing)
            return false;

        Within(missing, _cancellationToken, replay => replay.Check(StagesOf(missing), _cancellationToken));
        return true;
    }

    private DiffusionImage? Read(string output)
    {
        foreach (ManifestImage image in _byPixels[output])
        {
            try
            {
                string path = image.PathIn(_folder);
                if (File.Exists(path) && ImageFile.Load(path, _cancellationToken) is DiffusionImage read && image.HasPixels(read))
                    return read;
            }
            catch (ImageInvalidException)
            {
                // It may be possible to make it again.
            }
        }

        return null;
    }

    private DiffusionImage? Remake(string output) => Missing(output) is ManifestImage missing && Make(missing, _cancellationToken) is { IsEqual: true } made ? made.Decode() : null;

    private ManifestImage? Missing(string output) => _byPixels[output].FirstOrDefault(image => !_underWay.Contains(image) && image.Reproducibility != Reproducibility.None);
}
