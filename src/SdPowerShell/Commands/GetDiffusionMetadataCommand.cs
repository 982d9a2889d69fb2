using System.Management.Automation;
using StableDiffusion;
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
        ParameterSetName, Load, image => image.Path is string file && !image.IsEdited ? Load(file) : MetadataReader.Of(image))));

    private ImageMetadata Load(string file) => MetadataReader.Load(file, CancellationToken);

    private void Write(ImageMetadata metadata)
    {
        List<string> warnings = [.. metadata.Warnings];
        GenerationInfo info = metadata.Info;
        if (MissingModel(info.Model) is string missing)
        {
            warnings.Add(PrintableText.Of(missing));
            info = info with { Model = null };
        }

        if (info.Scheduler is string scheduler && !SchedulerCatalog.TryFind(scheduler, out _))
        {
            // The readers of other tools' settings have said so already.
            if (metadata.Source == MetadataSource.PowerShell)
                warnings.Add(PrintableText.Of($"There is no scheduler '{scheduler}'; the model's own gives a different image."));
            info = info with { Scheduler = null };
        }

        foreach (string warning in warnings)
            WarnOf(metadata.Path, warning);
        WriteObject(metadata.With(info, warnings));
    }
}
