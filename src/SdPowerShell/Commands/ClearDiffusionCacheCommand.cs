using System.Management.Automation;
using StableDiffusion.Models;

namespace SdPowerShell.Commands;

/// <summary>Closes the models that are kept open, and on demand deletes the graphs that were built from models.</summary>
[Cmdlet(VerbsCommon.Clear, "DiffusionCache", SupportsShouldProcess = true)]
public sealed class ClearDiffusionCacheCommand : DiffusionCmdlet
{
    /// <summary>Deletes the built graphs on disk as well; they are built again when a model is next used.</summary>
    [Parameter]
    public SwitchParameter Graphs { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        if (ShouldProcess("The models that are kept open in this process", "Close"))
        {
            int closed = ModelCache.Clear();
            WriteVerbose($"Closed {closed} open models.");
        }

        string folder = StorageFolders.Cache;
        if (Graphs && Directory.Exists(folder) && ShouldProcess(folder, "Delete built graphs"))
            ProcessOne(folder, () => ModelCache.DeleteGraphs());
    }
}
