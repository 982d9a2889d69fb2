using System.Management.Automation;
using SdPowerShell.Progress;
using StableDiffusion;
using StableDiffusion.Images;
using StableDiffusion.Manifests;

namespace SdPowerShell.Commands;

/// <summary>Makes the images of a manifest that are missing, each from its record.</summary>
[Cmdlet(VerbsData.Restore, "DiffusionManifest", SupportsShouldProcess = true, DefaultParameterSetName = FileCmdlet.PathSet)]
[OutputType(typeof(DiffusionImage))]
public sealed class RestoreDiffusionManifestCommand : ManifestCmdlet
{
    /// <summary>Also makes and replaces images whose files have other pixels or cannot be read.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Writes images that come out with other pixels too.</summary>
    [Parameter]
    public SwitchParameter AllowDifference { get; set; }

    /// <summary>Also writes the images to the pipeline.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    private protected override void Process(FolderManifest manifest, string folder)
    {
        List<ManifestImage> wanted = [];
        foreach (ManifestImage image in manifest.Images)
        {
            CancellationToken.ThrowIfCancellationRequested();
            ProcessOne(image, () =>
            {
                ManifestFileState state = image.Compare(folder, CancellationToken);
                if (state == ManifestFileState.Missing || (Force && state is ManifestFileState.Changed or ManifestFileState.Unreadable))
                    wanted.Add(image);
                else if (state is ManifestFileState.Changed or ManifestFileState.Unreadable)
                    WriteWarning($"{image.Name}: the file {(state == ManifestFileState.Changed ? "has other pixels than the manifest says" : "cannot be read as an image")}, and is kept. With -Force, the image is made again.");
            });
        }

        BatchProgress progress = new(WriteProgress, wanted.Count);
        ManifestReplay replay = CreateReplay(manifest, folder, progress);
        WarnBefore(manifest, wanted);
        HashSet<string> said = [];
        List<ManifestImage> ready = [.. replay.Order(wanted, CancellationToken).Where(image => ProcessOne(image, () => Check(replay, image, said)))];
        try
        {
            foreach (ManifestImage image in ready)
            {
                CancellationToken.ThrowIfCancellationRequested();
                progress.Start();
                ProcessOne(image, () => Restore(replay, image, folder));
                progress.Finish();
            }
        }
        finally
        {
            progress.Complete();
        }
    }

    // The warnings of many images are often the same.
    private void Check(ManifestReplay replay, ManifestImage image, HashSet<string> said)
    {
        Subject = image.Name;
        foreach (string warning in replay.Check(image, CancellationToken).Where(said.Add))
            Warn(warning);
    }

    private void Restore(ManifestReplay replay, ManifestImage image, string folder)
    {
        Subject = image.Name;
        if (!ShouldProcess(image.PathIn(folder), "Make image"))
            return;

        RemadeImage made = Timed(image.Name, () => replay.Make(image, CancellationToken));
        if (!made.IsEqual)
        {
            string cause = $"The image came out with other pixels than before. {made.Explain()}";
            if (!AllowDifference)
                throw new ImageDiffersException($"{cause} It was not written; with AllowDifference, it is.");
            Warn(cause);
        }

        made.Write(folder, Force);
        if (PassThru)
            WriteObject(made.Image);
    }
}
