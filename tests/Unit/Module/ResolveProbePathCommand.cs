using System.Management.Automation;
using SdPowerShell;
using SdPowerShell.Parameters;

namespace StableDiffusion.Tests.Module;

/// <summary>A cmdlet with the module's parameters for paths, which writes the paths that they lead to.</summary>
[Cmdlet(VerbsDiagnostic.Resolve, "ProbePath", DefaultParameterSetName = "Path")]
public sealed class ResolveProbePathCommand : DiffusionCmdlet
{
    private string[] _paths = [];
    private bool _literal;

    /// <summary>Paths with wildcards.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = "Path", ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    public string[] Path { get => _paths; set => (_paths, _literal) = (value, false); }

    /// <summary>Paths as they are.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "LiteralPath", ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath")]
    public string[] LiteralPath { get => _paths; set => (_paths, _literal) = (value, true); }

    /// <summary>A path to write to.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "OutFile")]
    public string? OutFile { get; set; }

    /// <summary>Writes the resolved paths.</summary>
    protected override void ProcessRecord()
    {
        if (OutFile is null)
            WriteObject(PathHelper.ResolveInput(this, _paths, _literal), enumerateCollection: true);
        else
            ProcessOne(OutFile, () => WriteObject(ResolveOutput(OutFile)));
    }
}
