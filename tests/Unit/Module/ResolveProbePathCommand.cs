using System.Management.Automation;
using SdPowerShell;

namespace StableDiffusion.Tests.Module;

/// <summary>A cmdlet with the module's parameters for paths, which writes the paths that they lead to.</summary>
[Cmdlet(VerbsDiagnostic.Resolve, "ProbePath", DefaultParameterSetName = PathSet)]
public sealed class ResolveProbePathCommand : ImageFileCmdlet
{
    /// <summary>A path to write to.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "OutFile")]
    public string? OutFile { get; set; }

    /// <summary>Writes the resolved paths.</summary>
    protected override void ProcessRecord()
    {
        if (OutFile is null)
            ForEachImage(image => WriteObject(image.Path));
        else
            ProcessOne(OutFile, () => WriteObject(ResolveOutput(OutFile)));
    }
}
