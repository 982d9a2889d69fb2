using System.Management.Automation;
using StableDiffusion.Batches;
using StableDiffusion.Batches.Jobs;

namespace SdPowerShell.Commands;

/// <summary>Reads the journals of batches and jobs.</summary>
[Cmdlet(VerbsCommon.Get, "DiffusionJournal", DefaultParameterSetName = PathSet)]
[OutputType(typeof(JournalEntry))]
public sealed class GetDiffusionJournalCommand : FileCmdlet
{
    /// <inheritdoc/>
    /// <remarks>Jobs bind by their folder.</remarks>
    [Parameter(Mandatory = true, ParameterSetName = LiteralPathSet, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP", "Folder")]
    [ValidateNotNullOrEmpty]
    public override string[] LiteralPath { get => base.LiteralPath; set => base.LiteralPath = value; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string path in ResolvePaths())
        {
            ProcessOne(path, () =>
            {
                foreach (string file in JournalFiles.Find(path, CancellationToken))
                    ProcessOne(file, () => Read(file));
            });
        }
    }

    private void Read(string file)
    {
        foreach (JournalEntry entry in Journal.Read(file, warning => WarnOf(file, warning), CancellationToken))
            WriteObject(entry);
    }
}
