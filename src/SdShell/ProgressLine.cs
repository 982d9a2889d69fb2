using System.Management.Automation;

namespace SdShell;

/// <summary>The progress of the running command as one line that is written over and over, on a terminal only.</summary>
internal sealed class ProgressLine
{
    private const int DefaultWidth = 79;

    private readonly Lock _lock = new();
    private int _length;

    public void Show(ProgressRecord record)
    {
        if (Console.IsErrorRedirected)
            return;

        if (record.RecordType == ProgressRecordType.Completed)
        {
            Clear();
            return;
        }

        string text = $"{record.Activity}: {record.StatusDescription}";
        if (record.PercentComplete >= 0)
            text += $" {record.PercentComplete}%";
        if (record.SecondsRemaining >= 0)
            text += $", {TimeSpan.FromSeconds(record.SecondsRemaining):g} left";

        int width = Console.WindowWidth > 0 ? Console.WindowWidth - 1 : DefaultWidth;
        if (text.Length > width)
            text = text[..width];

        lock (_lock)
        {
            Console.Error.Write('\r' + text.PadRight(_length));
            _length = text.Length;
        }
    }

    public void Clear()
    {
        lock (_lock)
        {
            if (_length > 0)
                Console.Error.Write('\r' + new string(' ', _length) + '\r');
            _length = 0;
        }
    }
}
