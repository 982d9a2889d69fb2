using System.Management.Automation;
using StableDiffusion.Hub;
using StableDiffusion.Library;
using StableDiffusion.Storage;

namespace SdPowerShell.Commands;

/// <summary>Closes the models that are kept open, and optionally deletes cached graphs and unfinished downloads.</summary>
[Cmdlet(VerbsCommon.Clear, "DiffusionCache", SupportsShouldProcess = true)]
public sealed class ClearDiffusionCacheCommand : DiffusionCmdlet
{
    /// <summary>Also deletes the cached graphs on disk; they are built again when a model is next used. Those in use are kept.</summary>
    [Parameter]
    public SwitchParameter Graphs { get; set; }

    /// <summary>Also deletes the files of interrupted downloads; downloads in progress are kept.</summary>
    [Parameter]
    public SwitchParameter Downloads { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        ModelLibrary library = ModelLibrary.Default;
        if (ShouldProcess("The models that are kept open in this process", "Close"))
        {
            int closed = library.CloseModels();
            WriteVerbose($"Open models closed: {closed}.");
        }

        string folder = library.Folders.Cache;
        long length = Graphs ? library.MeasureGraphs(CancellationToken) : 0;
        if (Graphs && (!Directory.Exists(folder) || ShouldProcess(folder, $"Delete built graphs ({ByteSize.Format(length)})")))
            ProcessOne(folder, () => DeleteGraphs(library, length));

        IReadOnlyList<string> downloads = Downloads ? library.Downloads.List() : [];
        if (Downloads && (downloads.Count == 0 || ShouldProcess(library.Downloads.Folder, "Delete unfinished downloads")))
            Delete(downloads);
    }

    private void DeleteGraphs(ModelLibrary library, long length)
    {
        int kept = library.DeleteGraphs();
        if (kept > 0)
            WriteWarning($"{kept} {(kept == 1 ? "folder" : "folders")} of graphs in '{library.Folders.Cache}' {(kept == 1 ? "is" : "are")} in use and {(kept == 1 ? "was" : "were")} not deleted. Run the command again when no session uses them.");
        WriteVerbose($"Graphs deleted: {ByteSize.Format(length - library.MeasureGraphs(CancellationToken))}.");
    }

    private void Delete(IReadOnlyList<string> downloads)
    {
        int deleted = 0;
        long freed = 0;
        foreach (string folder in downloads)
        {
            ProcessOne(folder, () =>
            {
                if (DownloadCache.Delete(folder) is not long length)
                {
                    WriteWarning($"The download in '{folder}' is in progress and was not deleted. Wait until it is finished or stop it, and run the command again.");
                    return;
                }

                deleted++;
                freed += length;
            });
        }

        WriteVerbose($"Unfinished downloads deleted: {deleted}, {ByteSize.Format(freed)}.");
    }
}
