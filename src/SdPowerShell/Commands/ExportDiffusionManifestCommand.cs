using System.Management.Automation;
using SdPowerShell.Parameters;
using SdPowerShell.Progress;
using StableDiffusion;
using StableDiffusion.Library;
using StableDiffusion.Manifests;
using StableDiffusion.Storage;

namespace SdPowerShell.Commands;

/// <summary>Writes the manifest of a folder of images: how each was made, and the hashes of its file and pixels.</summary>
[Cmdlet(VerbsData.Export, "DiffusionManifest", SupportsShouldProcess = true, DefaultParameterSetName = PathSet)]
[OutputType(typeof(FolderManifest))]
public sealed class ExportDiffusionManifestCommand : FileCmdlet
{
    private bool _isWritten;

    /// <summary>The file to write; manifest.json in the folder if it is left out.</summary>
    [Parameter(Position = 1)]
    [ValidateNotNullOrEmpty]
    public string? OutFile { get; set; }

    /// <summary>Also takes the images in the subfolders.</summary>
    [Parameter]
    public SwitchParameter Recurse { get; set; }

    /// <summary>Replaces an existing file.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Also writes the manifest to the pipeline.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        // What a wildcard stands for can be a file, too.
        bool hasWildcards = ParameterSetName == PathSet && Path.Any(WildcardPattern.ContainsWildcardCharacters);
        foreach (string folder in ResolvePaths().Where(path => !hasWildcards || Directory.Exists(path)))
            ProcessOne(folder, () => Write(folder));
    }

    private void Write(string folder)
    {
        if (!Directory.Exists(folder))
            throw new ImageInvalidException($"'{folder}' is a file. A manifest is that of a folder of images; give the folder.");

        string path = OutFile is null ? System.IO.Path.Combine(folder, FolderManifest.FileName) : ResolveOutput(OutFile);
        if (OutFile is not null && _isWritten)
            throw new InvalidSettingException(nameof(OutFile), $"'{path}' has the manifest of another folder already. Omit OutFile, and each folder gets a manifest of its own.");
        FolderManifest.CheckTarget(path, Force);
        IReadOnlyList<string> names = FolderManifest.FindImages(folder, Recurse);
        if (names.Count == 0)
            throw new ImageInvalidException($"The folder '{folder}' has no image (.png, .jpg or .webp).{(Recurse ? string.Empty : " With -Recurse, its subfolders are searched too.")}");
        if (!ShouldProcess(path, "Write manifest"))
            return;

        FolderManifest manifest = FolderManifest.Of(Describe(folder, names), ModelLibrary.Default, CancellationToken);
        new OutputTarget(path).CreateFolder();
        manifest.Write(path, Force);
        _isWritten = true;
        if (PassThru)
            WriteObject(manifest);
    }

    // A file that cannot be read is an error, and the manifest has the others.
    private List<ManifestImage> Describe(string folder, IReadOnlyList<string> names)
    {
        const string Activity = "Reading images";
        List<ManifestImage> images = [];
        ImportDisplay display = new(this);
        ProgressClock clock = new(display.Report);
        foreach (string name in names)
        {
            CancellationToken.ThrowIfCancellationRequested();
            clock.Report(Activity, name, images.Count, names.Count, countsBytes: false);
            ProcessOne(System.IO.Path.Combine(folder, name), () => images.Add(FolderManifest.Describe(folder, name, CancellationToken)));
        }

        display.Complete(Activity);
        return images;
    }
}
