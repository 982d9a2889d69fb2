using System.Management.Automation;
using SdPowerShell.Batches;
using SdPowerShell.Records;
using StableDiffusion;
using StableDiffusion.Batches.Tables;

namespace SdPowerShell.Commands;

/// <summary>Reads the rows of tables for New-DiffusionImage.</summary>
[Cmdlet(VerbsData.Import, "DiffusionTable", DefaultParameterSetName = PathSet)]
[OutputType(typeof(PSObject))]
public sealed class ImportDiffusionTableCommand : FileCmdlet
{
    private RunJournal? _journal;

    /// <summary>What separates the fields of a row; without it, the comma, the semicolon or the tab that the first line has.</summary>
    [Parameter]
    public char? Delimiter { get; set; }

    /// <summary>A file to which a line is added for each row that cannot be read.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Journal { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        if (Journal is not null)
            Require(Journal, () => _journal = RunJournal.Open(this, Journal));
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string file in ResolvePaths())
            ProcessOne(file, () => Read(file));
    }

    /// <inheritdoc/>
    private protected override void OnFailure(ErrorRecord record)
    {
        if (record.Exception is RowInvalidException row)
            _journal?.Add(record, $"{new TableRow { File = row.File, Line = row.Line }}");
    }

    private void Read(string file)
    {
        foreach (TableRow row in TableFile.Read(file, Delimiter, CancellationToken))
            ProcessOne(file, () => WriteObject(row.Error is null ? TableRecord.From(row) : throw row.Error));
    }
}
