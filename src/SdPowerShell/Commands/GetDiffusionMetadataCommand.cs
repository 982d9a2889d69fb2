using System.Management.Automation;
using StableDiffusion.Metadata;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;

namespace SdPowerShell.Commands;

/// <summary>Reads the generation settings in image files, in the form that New-DiffusionImage takes.</summary>
[Cmdlet(VerbsCommon.Get, "DiffusionMetadata", DefaultParameterSetName = PathSet)]
[OutputType(typeof(ImageMetadata))]
public sealed class GetDiffusionMetadataCommand : FileCmdlet
{
    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string file in ResolvePaths())
            ProcessOne(file, () => Read(file));
    }

    private void Read(string file)
    {
        ImageMetadata metadata = MetadataReader.Load(file, CancellationToken);
        List<string> warnings = [.. metadata.Warnings];
        GenerationInfo info = metadata.Info;
        if (MissingModel(info.Model) is string missing)
        {
            warnings.Add(missing);
            info = info with { Model = null };
        }

        if (info.Scheduler is string scheduler && !SchedulerCatalog.TryFind(scheduler, out _))
            info = info with { Scheduler = null };

        foreach (string warning in warnings)
            WarnOf(file, warning);
        WriteObject(metadata.With(info, warnings));
    }
}
