using System.Management.Automation;
using SdPowerShell.Parameters;
using StableDiffusion.Images;
using StableDiffusion.Library;
using StableDiffusion.Manifests;
using StableDiffusion.Settings;

namespace SdPowerShell;

/// <summary>Base of the cmdlets that make the images of manifests again.</summary>
public abstract class ManifestCmdlet : ModelCmdlet
{
    private const int MostWarnings = 20;
    private const string Columns = "Path LiteralPath PSPath LP Directory";

    private string[] _paths = [];
    private bool _isLiteral;

    /// <summary>The manifests, or the folders with a manifest.json; wildcards are allowed.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = FileCmdlet.PathSet, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[] Path { get => _paths; set => (_paths, _isLiteral) = (value, false); }

    /// <summary>The manifests or folders, taken as they are written.</summary>
    [Parameter(Mandatory = true, ParameterSetName = FileCmdlet.LiteralPathSet, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP")]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get => _paths; set => (_paths, _isLiteral) = (value, true); }

    /// <summary>The folder of the images, if it is not that of the manifest.</summary>
    [Parameter(Position = 1)]
    [ValidateNotNullOrEmpty]
    public string? Directory { get; set; }

    /// <summary>The images and masks that images of the manifest began with, as far as they are not in its folder.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [Image(IsList = true, Columns = Columns)]
    public ImageInput[] InitImage { get; set; } = [];

    /// <inheritdoc/>
    protected sealed override void ProcessRecord()
    {
        foreach (string path in PathHelper.ResolveInput(this, _paths, _isLiteral))
        {
            ProcessOne(path, () =>
            {
                FolderManifest manifest = FolderManifest.Read(System.IO.Directory.Exists(path) ? System.IO.Path.Combine(path, FolderManifest.FileName) : path);
                Process(manifest, Directory is null ? System.IO.Path.GetDirectoryName(manifest.Path)! : ResolveOutput(Directory));
            });
        }
    }

    /// <summary>Does the work for one manifest.</summary>
    /// <param name="manifest">The manifest.</param>
    /// <param name="folder">The full path of the folder of its images.</param>
    private protected abstract void Process(FolderManifest manifest, string folder);

    /// <summary>Prepares to make images of a manifest again.</summary>
    private protected ManifestReplay CreateReplay(FolderManifest manifest, string folder, Progress.BatchProgress progress)
    {
        ManifestReplay replay = new(manifest, folder, ModelLibrary.Default, (model, adapters, run) => UseModel(ChooseModel(model, isNameOnly: !IsFixed(nameof(Model))), run, adapters))
        {
            Model = Model,
            Device = DeviceName,
            Observer = new Progress.BatchObserver(progress),
        };
        foreach ((DiffusionImage image, MaskImage mask) in ImageInput.ReadAll(this, nameof(InitImage), InitImage))
            replay.Add(image, mask);
        return replay;
    }

    /// <summary>Says what may make images come out differently, before any of them is made.</summary>
    /// <param name="manifest">The manifest.</param>
    /// <param name="images">The images that are to be made.</param>
    private protected void WarnBefore(FolderManifest manifest, IReadOnlyCollection<ManifestImage> images)
    {
        ManifestPart[] missing = [.. manifest.Parts.Where(part => part.Kind == nameof(Model) && string.IsNullOrEmpty(Model) && !ModelLibrary.Default.Models.Contains(part.Name))];
        foreach (ManifestPart model in missing.Take(MostWarnings))
            WriteWarning($"The model '{model.Name}' is missing.{(model.Source is null ? string.Empty : $" It came from {model.Source}{(model.Revision is null ? string.Empty : $", revision {model.Revision}")}.")} Get it under that name with Save-DiffusionModel or Import-DiffusionModel, or give one with -Model.");
        if (missing.Length > MostWarnings)
            WriteWarning($"{missing.Length - MostWarnings} more models are missing.");

        int elsewhere = images.Count(static image => image.Reproducibility == Reproducibility.Device);
        if (elsewhere > 0)
            WriteWarning($"Images that may come out with other pixels here, since they were made with other versions, on another device, or in a batch on the device: {elsewhere} of {images.Count}. ({manifest.Made} wrote the manifest.)");
        int settings = images.Count(static image => image.Reproducibility == Reproducibility.Statistical);
        if (settings > 0)
            WriteWarning($"Images that will come out with other pixels, since only their settings are known: {settings} of {images.Count}.");
    }
}
