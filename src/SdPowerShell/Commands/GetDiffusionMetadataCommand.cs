using System.Management.Automation;
using StableDiffusion.Metadata;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;

namespace SdPowerShell.Commands;

/// <summary>Reads the generation settings in image files, in the form that New-DiffusionImage takes.</summary>
[Cmdlet(VerbsCommon.Get, "DiffusionMetadata", DefaultParameterSetName = PathSet)]
[OutputType(typeof(ImageMetadata))]
public sealed class GetDiffusionMetadataCommand : ImageFileCmdlet
{
    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEachImage(image => Write(image.Read(
        ParameterSetName, MetadataReader.Read, static image => image.Path is string file ? MetadataReader.Read(file) : MetadataReader.Of(image))));

    private void Write(ImageMetadata metadata)
    {
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
            WarnOf(metadata.Path, warning);
        WriteObject(metadata.With(info, warnings));
    }
}
