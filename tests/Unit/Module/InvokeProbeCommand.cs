using System.Management.Automation;
using SdPowerShell;

namespace StableDiffusion.Tests.Module;

/// <summary>A cmdlet over the module's base class that does with each record what the record says.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "Probe")]
public sealed class InvokeProbeCommand : DiffusionCmdlet
{
    /// <summary>An error to throw, or a signal to set before waiting for the pipeline to be stopped, or a value to pass on.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true)]
    public object InputObject { get; set; } = null!;

    /// <summary>Called when the cmdlet is disposed.</summary>
    [Parameter]
    public Action? Disposed { get; set; }

    /// <summary>Does what the record says.</summary>
    protected override void ProcessRecord()
    {
        object record = InputObject is PSObject wrapped ? wrapped.BaseObject : InputObject;
        if (!ProcessOne(record, () => Do(record)))
            WriteVerbose("not done");
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        Disposed?.Invoke();
    }

    private void Do(object record)
    {
        switch (record)
        {
            case Exception error:
                throw error;

            case ManualResetEventSlim started:
                started.Set();
                CancellationToken.WaitHandle.WaitOne();
                CancellationToken.ThrowIfCancellationRequested();
                break;
        }

        WriteObject(record);
    }
}
