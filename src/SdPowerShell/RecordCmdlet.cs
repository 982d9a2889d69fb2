using System.Globalization;
using System.Management.Automation;
using System.Reflection;
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
    private int _recordCount;
    private RowColumns? _columns;
    private Dictionary<string, object?> _defaults = [];
    private HashSet<string> _given = [];

    /// <summary>The whole object of the pipeline. It is bound first, so that objects are counted even if their settings cannot be bound.</summary>
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

    /// <summary>Turns the warnings about ignored columns and skipped lines into errors of their records.</summary>
    [Parameter]
    public SwitchParameter Strict { get; set; }

    /// <summary>Whether a parameter is bound to the object of the pipeline as a whole.</summary>
    private protected abstract bool IsBoundByValue { get; }

    /// <summary>The required column that this record does not have; null if none is missing.</summary>
    private protected virtual string? MissingColumn => null;

    /// <inheritdoc/>
    /// <remarks>A number that is the same for all records is read before the first one.</remarks>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _given = new HashSet<string>(MyInvocation.BoundParameters.Keys, StringComparer.OrdinalIgnoreCase);
        _columns = new RowColumns(MyInvocation.MyCommand.Parameters.Values.Where(parameter => parameter.Name != nameof(Record)), IsFixed, _given.Contains);
        _defaults = _columns.Bindable.ToDictionary(parameter => parameter, ValueOf);
        if (MissingColumn is string missing)
            ThrowTerminatingError(DiffusionError.ToErrorRecord(NoText(missing), MyInvocation.BoundParameters[missing], MyInvocation.MyCommand));

        foreach ((string setting, object value) in MyInvocation.BoundParameters)
        {
            try
            {
                foreach (Number number in value as IEnumerable<Number> ?? (value is Number single ? [single] : []))
                    _ = number.Get(setting);
            }
            catch (InvalidSettingException error)
            {
                ThrowTerminatingError(DiffusionError.ToErrorRecord(error, value, MyInvocation.MyCommand));
            }
        }
    }

    /// <inheritdoc/>
    protected sealed override void ProcessRecord()
    {
        Input = ReferenceEquals(_record, s_none) ? null : new InputRecord(_record, _recordCount);
        if (Input is not null && !IsBoundByValue && !(Input.HasSettings && _columns!.IsUsed(_record!)))
        {
            WriteError(DiffusionError.InputNotBound(Input));
            return;
        }

        if (MissingColumn is string missing)
        {
            Subject = Input!.Describe(prompt: null, file: null);
            ProcessOne(_record, () => throw (_given.Contains(missing) ? NoText(missing) : new InvalidSettingException(missing, _columns!.DescribeMissing(Input, missing))));
            return;
        }

        BindSettings();
        if (Input?.Model is string model && IsFixed(nameof(Model)) && !string.Equals(model, Model, StringComparison.OrdinalIgnoreCase))
            WriteWarning($"The model '{model}' from the pipeline is not used, because -Model is '{Model}'.");
        if (Input is not { IsRow: true } || CheckColumns(Input.Value!))
            ProcessInput();
    }

    /// <summary>Whether a setting was not chosen by the user, but comes from an object that records how it was made.</summary>
    /// <param name="parameter">The setting's parameter, which has a value.</param>
    private protected bool IsCarriedAlong(string parameter) => Input is { IsRow: false } && !_given.Contains(parameter);

    /// <summary>Processes one record, whose settings are bound.</summary>
    private protected abstract void ProcessInput();

    /// <summary>Corrects the settings that PowerShell bound for a record. PowerShell restores all of them before the next record.</summary>
    private void BindSettings()
    {
        if (Input is { HasSettings: true })
        {
            foreach ((string parameter, object value) in _columns!.FindFilled(Input.Value!))
                Bind(parameter, value);
        }
        else if (Input?.Value is PSObject collection)
        {
            foreach (string parameter in _columns!.Settings(collection))
                Property(parameter).SetValue(this, _defaults[parameter]);
        }
    }

    private void Bind(string parameter, object? value)
    {
        ParameterMetadata metadata = MyInvocation.MyCommand.Parameters[parameter];
        EngineIntrinsics engine = (EngineIntrinsics)GetVariableValue("ExecutionContext");
        foreach (ArgumentTransformationAttribute attribute in metadata.Attributes.OfType<ArgumentTransformationAttribute>())
            value = attribute.Transform(engine, value!);
        Property(parameter).SetValue(this, LanguagePrimitives.ConvertTo(value, metadata.ParameterType, CultureInfo.InvariantCulture));
    }

    /// <remarks>Unknown columns may be read by delay-bind script blocks, as in <c>-OutFile { "$($_.Id).png" }</c>.</remarks>
    private bool CheckColumns(PSObject row)
    {
        if (_columns!.Missing(row).Any(parameter => !Equals(ValueOf(parameter), _defaults[parameter])))
            return true;

        foreach ((string column, string fault, string advice) in _columns.FindIgnored(row))
        {
            if (Strict)
            {
                Subject = Input!.Describe(Input.Text(nameof(GenerationInfo.Prompt)), file: null);
                return ProcessOne(row, () => throw new InvalidSettingException("Column", $"{fault}.{advice}"));
            }

            if (_told.Add(column))
                WriteWarning($"{fault} and was ignored.{advice}");
        }

        return true;
    }

    private static InvalidSettingException NoText(string parameter) => new(parameter, $"{parameter} is not a string. Give one or more strings.");

    /// <summary>The property of a parameter; null if there is no such parameter.</summary>
    /// <param name="parameter">The parameter's name.</param>
    private protected PropertyInfo? Parameter(string parameter) => GetType().GetProperty(parameter);

    private object? ValueOf(string parameter) => Property(parameter).GetValue(this);

    private PropertyInfo Property(string parameter) => Parameter(parameter)!;
}
