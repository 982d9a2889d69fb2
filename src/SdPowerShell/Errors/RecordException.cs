using System.Management.Automation;

namespace SdPowerShell.Errors;

/// <summary>Ends the work for one record with an error record.</summary>
/// <param name="record">The record to write.</param>
internal sealed class RecordException(ErrorRecord record) : Exception(record.Exception.Message, record.Exception)
{
    /// <summary>The record to write.</summary>
    public ErrorRecord Record { get; } = record;
}
