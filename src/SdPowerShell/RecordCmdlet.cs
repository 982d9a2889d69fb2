using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Errors;
using SdPowerShell.Parameters;
using SdPowerShell.Records;
using SdPowerShell.Serialization;
using StableDiffusion;
using StableDiffusion.Settings;

namespace SdPowerShell;

/// <summary>Base of the cmdlets whose settings can be properties of the objects in the pipeline, such as the rows of a table.</summary>
public abstract class RecordCmdlet : ModelCmdlet
{
    // Before each object PowerShell restores the initial value of a parameter, which must not be an object of the pipeline.
    private static readonly PSObject s_none = new();

    private readonly HashSet<string> _told = new(StringComparer.OrdinalIgnoreCase);

    private PSObject? _record = s_none;
    private RecordBinder? _binder;

    /// <summary>The LoRAs to apply, each a name or a path with its strength: style, style:0.8, or style:0.8:0.5 for U-Net and text encoder.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(LoraCompleter))]
    [AllowNull]
    [AllowEmptyCollection]
    [AllowEmptyString]
    [Text]
    [List]
    public string?[]? Lora { get; set; }

    /// <summary>The whole object of the pipeline. It is bound first, so that objects are counted even if their settings cannot be bound.</summary>
    [Parameter(ValueFromPipeline = true, DontShow = true)]
    public PSObject? Record
    {
        get => _record;
        set
        {
            _record = value;
            if (!ReferenceEquals(value, s_none))
                RecordCount++;
        }
    }

    /// <summary>Turns the warnings about ignored columns and skipped lines into errors of their records.</summary>
    [Parameter]
    public SwitchParameter Strict { get; set; }

    /// <summary>How many objects came from the pipeline.</summary>
    private protected int RecordCount { get; set; }

    /// <summary>Whether a parameter is bound to the object of the pipeline as a whole.</summary>
    private protected abstract bool IsBoundByValue { get; }

    /// <summary>The required column that this record does not have; null if none is missing.</summary>
    private protected virtual string? MissingColumn => null;

    private RecordBinder Binder => _binder!;

    /// <inheritdoc/>
    /// <remarks>A number that is the same for all records is read before the first one.</remarks>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _binder = new RecordBinder(this, nameof(Record), IsFixed);
        _binder.CheckGiven(MissingColumn);
    }

    /// <inheritdoc/>
    protected sealed override void ProcessRecord()
    {
        Input = ReferenceEquals(_record, s_none) ? null : new InputRecord(_record, RecordCount);
        Subject = Input?.Describe(prompt: null, file: null);
        if (!ProcessOne(_record, RestoreRecord))
            return;

        if (Input is not null && !IsBoundByValue && !Binder.IsUsed(Input))
        {
            WriteFailure(DiffusionError.InputNotBound(Input, AdviceFor(Input)));
            return;
        }

        if (MissingColumn is string missing)
        {
            Subject = Input!.Describe(prompt: null, file: null);
            ProcessOne(_record, () => throw Binder.Missing(Input, missing));
            return;
        }

        Binder.BindSettings(Input);
        if (Input?.Model is string model && IsFixed(nameof(Model)) && !string.Equals(model, Model, StringComparison.OrdinalIgnoreCase))
            WriteWarning($"The model '{model}' from the pipeline is not used, because -Model is '{Model}'.");
        if (Input is not { IsRow: true } || CheckColumns(Input))
            ProcessInput();
    }

    /// <summary>Whether a setting was not chosen by the user, but comes from an object that records how it was made.</summary>
    /// <param name="parameter">The setting's parameter, which has a value.</param>
    internal bool IsCarriedAlong(string parameter) => Input is { IsRow: false } && !Binder.IsGiven(parameter);

    /// <summary>Refuses a prompt that came with an object and only describes several that were merged.</summary>
    internal void CheckMerged()
    {
        if (Input is { HasMergedPrompt: true } && IsCarriedAlong(nameof(GenerationInfo.Prompt)))
            throw new InvalidSettingException(nameof(GenerationInfo.Prompt), $"The prompt of the object is merged from several: {Input.Text(nameof(GenerationInfo.Prompt))}. Its vectors cannot be encoded from that text. Give one of the prompts with Prompt.");
    }

    /// <summary>Whether a parameter was given by name, and so is not a property of the object from the pipeline.</summary>
    /// <param name="parameter">The parameter.</param>
    internal bool IsGiven(string parameter) => Binder.IsGiven(parameter);

    /// <inheritdoc/>
    /// <remarks>Anyone can write anything into an image. A parameter that was given by name is the user's own, whatever it reads.</remarks>
    private protected override bool IsForeign(string parameter, string value) => Input is not null && !Binder.IsGiven(parameter) && (Input.IsMetadata || (Input.IsMade && IsName(value)));

    /// <summary>What a parameter holds.</summary>
    /// <param name="parameter">The parameter.</param>
    /// <returns>Its value; null where there is no such parameter.</returns>
    private protected object? Bound(string parameter) => Binder.ValueOf(parameter);

    /// <summary>Why no parameter takes an object, and what to do; null if nothing special is known of it.</summary>
    /// <param name="input">The object.</param>
    private protected virtual string? AdviceFor(InputRecord input) => null;

    /// <summary>Processes one record, whose settings are bound.</summary>
    private protected abstract void ProcessInput();

    /// <summary>Takes a copy that PowerShell has serialized for the object that it was. The properties of both are the same.</summary>
    private void RestoreRecord()
    {
        if (Input?.Value is PSObject copy)
            Input = new InputRecord(SerializedObject.Restore(copy), RecordCount);
    }

    private bool CheckColumns(InputRecord row)
    {
        foreach ((string column, string fault, string advice) in Binder.FindIgnored(row.Value!))
        {
            if (row.Brings(column))
                continue;

            if (Strict)
            {
                Subject = row.Describe(row.Text(nameof(GenerationInfo.Prompt)), file: null);
                return ProcessOne(row.Value, () => throw new InvalidSettingException("Column", $"{fault}.{advice}"));
            }

            if (_told.Add(column))
                WriteWarning($"{fault} and was ignored.{advice}");
        }

        return true;
    }
}
