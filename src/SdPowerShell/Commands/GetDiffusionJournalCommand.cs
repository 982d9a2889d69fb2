using System.Management.Automation;
using StableDiffusion.Batches;

namespace SdPowerShell.Commands;

/// <summary>Reads the journals of batches.</summary>
[Cmdlet(VerbsCommon.Get, "DiffusionJournal", DefaultParameterSetName = PathSet)]
[OutputType(typeof(JournalEntry))]
public sealed class GetDiffusionJournalCommand : FileCmdlet
{
    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string file in ResolvePaths())
            ProcessOne(file, () => Read(file));
    }

    private void Read(string file)
    {
        foreach (JournalEntry entry in Journal.Read(file, warning => WarnOf(file, warning), CancellationToken))
            WriteObject(entry);
    }
}
