using System.Management.Automation;
using StableDiffusion.Library;
using StableDiffusion.Metadata;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;

namespace SdPowerShell.Commands;

/// <summary>Reads from picture files how they were made, in the form that New-DiffusionImage takes.</summary>
[Cmdlet(VerbsCommon.Get, "DiffusionMetadata", DefaultParameterSetName = PathSet)]
[OutputType(typeof(ImageMetadata))]
public sealed class GetDiffusionMetadataCommand : DiffusionCmdlet
{
    private const string PathSet = "Path";
    private const string LiteralPathSet = "LiteralPath";

    private string[] _paths = [];
    private bool _isLiteral;

    /// <summary>The picture files; wildcards are allowed.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = PathSet, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[] Path { get => _paths; set => (_paths, _isLiteral) = (value, false); }

    /// <summary>The picture files, taken as they are written.</summary>
    [Parameter(Mandatory = true, ParameterSetName = LiteralPathSet, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP")]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get => _paths; set => (_paths, _isLiteral) = (value, true); }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string file in PathHelper.ResolveInput(this, _paths, _isLiteral))
            ProcessOne(file, () => Read(file));
    }

    private void Read(string file)
    {
        ImageMetadata metadata = MetadataReader.Read(file);
        List<string> warnings = [.. metadata.Warnings];
        GenerationInfo info = metadata.Info;
        if (info.Model is string model && !ModelLibrary.Default.Models.Contains(model) && !System.IO.Path.Exists(model))
        {
            warnings.Add($"The model '{model}' is not here; another one will make another picture.");
            info = info with { Model = null };
        }

        if (info.Scheduler is string scheduler && !SchedulerCatalog.TryFind(scheduler, out _))
            info = info with { Scheduler = null };

        foreach (string warning in warnings)
            WriteWarning($"{System.IO.Path.GetFileName(file)}: {warning}");
        WriteObject(metadata.With(info, warnings));
    }
}
