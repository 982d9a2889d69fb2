using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Errors;
using SdPowerShell.Parameters;
using SdPowerShell.Records;
using StableDiffusion;
using StableDiffusion.Settings;

namespace SdPowerShell;

/// <summary>Base of the cmdlets whose settings may come with each object of the pipeline, such as the rows of a table.</summary>
public abstract class RecordCmdlet : ModelCmdlet
{
    // Before each object PowerShell puts back what a parameter held at first, which must be no object of the pipeline.
    private static readonly PSObject s_none = new();

    private readonly HashSet<string> _told = new(StringComparer.OrdinalIgnoreCase);

    private PSObject? _record = s_none;
    private int _recordCount;
    private RecordBinder? _binder;

    /// <summary>LoRAs to change the model by, each a name or a path with its strength: style, style:0.8, or style:0.8:0.5 for U-Net and text encoder.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(LoraCompleter))]
    [AllowNull]
    [AllowEmptyCollection]
    [AllowEmptyString]
    [Text]
    [List]
    public string?[]? Lora { get; set; }

    /// <summary>The whole object of the pipeline. It is bound first, so that objects are counted whose settings cannot be bound.</summary>
    [Parameter(ValueFromPipeline = true, DontShow = true)]
    public PSObject? Record
    {
        get => _record;
        set
        {
            _record = value;
            if (!ReferenceEquals(value, s_none))
                _recordCount++;
        }
    }

    /// <summary>Makes an error of its record of what is otherwise passed over.</summary>
    [Parameter]
    public SwitchParameter Strict { get; set; }

    /// <summary>Whether a parameter took the object of the pipeline as a whole.</summary>
    private protected abstract bool IsBoundByValue { get; }

    /// <summary>The column that each record must have, and this one has not; null where nothing is missing.</summary>
    private protected virtual string? MissingColumn => null;

    private RecordBinder Binder => _binder!;

    /// <inheritdoc/>
    /// <remarks>A number that holds for all records is read before the first one.</remarks>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _binder = new RecordBinder(this, nameof(Record), IsFixed);
        _binder.CheckGiven(MissingColumn);
    }

    /// <inheritdoc/>
    protected sealed override void ProcessRecord()
    {
        Input = ReferenceEquals(_record, s_none) ? null : new InputRecord(_record, _recordCount);
        if (Input is not null && !IsBoundByValue && !Binder.IsUsed(Input))
        {
            WriteError(DiffusionError.InputNotBound(Input));
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
            WriteWarning($"The model '{model}' of the pipeline is not used, since -Model says '{Model}'.");
        if (Input is not { IsRow: true } || CheckColumns(Input))
            ProcessInput();
    }

    /// <summary>Whether a setting is no wish of the user's, but was carried along by an object that records how it was made.</summary>
    /// <param name="parameter">The setting's parameter, which has a value.</param>
    private protected bool IsCarriedAlong(string parameter) => Input is { IsRow: false } && !Binder.IsGiven(parameter);

    /// <summary>What a parameter holds.</summary>
    /// <param name="parameter">The parameter.</param>
    /// <returns>Its value; null where there is no such parameter.</returns>
    private protected object? Bound(string parameter) => Binder.ValueOf(parameter);

    /// <summary>Works on one record, whose settings are bound.</summary>
    private protected abstract void ProcessInput();

    private bool CheckColumns(InputRecord row)
    {
        foreach ((string column, string fault, string advice) in Binder.FindIgnored(row.Value!))
        {
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
