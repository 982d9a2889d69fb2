using System.Management.Automation;
using SdPowerShell.Parameters;
using SdPowerShell.Progress;
using StableDiffusion.Manifests;
using StableDiffusion.Settings;

namespace SdPowerShell.Commands;

/// <summary>Tests whether the images of a manifest are as they were, and whether some of them can be made again.</summary>
[Cmdlet(VerbsDiagnostic.Test, "DiffusionManifest", DefaultParameterSetName = FileCmdlet.PathSet)]
[OutputType(typeof(ManifestTestReport))]
public sealed class TestDiffusionManifestCommand : ManifestCmdlet
{
    /// <summary>The number of images that are chosen at random and made again.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    [WholeNumber]
    public int Count { get; set; } = 3;

    /// <summary>The seed of the choice; without it, other images are chosen each time.</summary>
    [Parameter]
    [WholeNumber]
    public int? SetSeed { get; set; }

    /// <inheritdoc/>
    private protected override void Process(FolderManifest manifest, string folder)
    {
        ManifestImage[] known = [.. manifest.Images.Where(static image => image.Reproducibility is Reproducibility.Exact or Reproducibility.Device)];
        (SetSeed is int seed ? new Random(seed) : Random.Shared).Shuffle(known);
        HashSet<ManifestImage> chosen = [.. known.Take(Count)];
        BatchProgress progress = new(WriteProgress, chosen.Count);
        ManifestReplay replay = CreateReplay(manifest, folder, progress);
        WarnBefore(manifest, chosen);
        try
        {
            foreach (ManifestImage image in manifest.Images)
            {
                CancellationToken.ThrowIfCancellationRequested();
                bool remakes = chosen.Contains(image);
                if (remakes)
                    progress.Start();
                WriteObject(replay.Test(image, remakes, CancellationToken));
                if (remakes)
                    progress.Finish();
            }
        }
        finally
        {
            progress.Complete();
        }
    }
}
