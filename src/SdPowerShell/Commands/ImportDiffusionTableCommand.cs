using System.Management.Automation;
using SdPowerShell.Records;
using StableDiffusion.Batches.Tables;

namespace SdPowerShell.Commands;

/// <summary>Reads the rows of tables for New-DiffusionImage.</summary>
[Cmdlet(VerbsData.Import, "DiffusionTable", DefaultParameterSetName = PathSet)]
[OutputType(typeof(PSObject))]
public sealed class ImportDiffusionTableCommand : FileCmdlet
{
    /// <summary>What separates the fields of a row; without it, the comma, the semicolon or the tab that the first line has.</summary>
    [Parameter]
    public char? Delimiter { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string file in ResolvePaths())
            ProcessOne(file, () => Read(file));
    }

    private void Read(string file)
    {
        foreach (TableRow row in TableFile.Read(file, Delimiter, CancellationToken))
            ProcessOne(file, () => WriteObject(row.Error is null ? TableRecord.From(row) : throw row.Error));
    }
}
