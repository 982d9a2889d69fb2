using System.Management.Automation;

namespace SdPowerShell.Errors;

/// <summary>Carries an error record out of the work for one record, past everything that the work still had to do.</summary>
/// <param name="record">The record to write.</param>
internal sealed class RecordException(ErrorRecord record) : Exception(record.Exception.Message, record.Exception)
{
    /// <summary>The record to write.</summary>
    public ErrorRecord Record { get; } = record;
}
