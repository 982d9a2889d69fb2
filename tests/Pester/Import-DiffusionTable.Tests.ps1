BeforeAll {
    . "$PSScriptRoot/common.ps1"
    Set-Location $TestDrive
}

AfterAll { Set-Location $PSScriptRoot }

Describe 'Import-DiffusionTable' {
    It 'writes a line of a journal for each row that cannot be read' {
        Set-Content journal.csv 'Prompt,Seed', 'a,1', 'b,2,3', 'c,3'
        (Import-DiffusionTable journal.csv -Journal failed.jsonl -ErrorAction SilentlyContinue -ErrorVariable problems).Prompt | Should -Be 'a', 'c'
        $lines = Get-DiffusionJournal failed.jsonl
        $lines.Status, $lines.Row, $lines.ErrorId | Should -Be 'Failed', 'journal.csv, line 3', 'RowInvalid'
        $lines.Message | Should -Be "$($problems[0])"
        { Import-DiffusionTable journal.csv -Journal journal.csv/a.jsonl } | Should -Throw -ErrorId 'FileWriteFailed,*'
    }

    It 'makes rows with their values' {
        Set-Content -NoNewline jobs.csv -Value "Prompt;Seed;OutFile`r`n`"a `"`"red`"`"`nhouse`";1;a.png`r`nb, c;2;`r`n" -Encoding utf8BOM
        $rows = Import-DiffusionTable jobs.csv
        $rows.Prompt | Should -Be "a `"red`"`nhouse", 'b, c'
        $rows[0].psobject.Properties.Name | Should -Be 'Prompt', 'Seed', 'OutFile'
        ($rows | ConvertTo-Csv)[-1] | Should -Be '"b, c","2",""'
        Set-Content jobs.jsonl -Value '{"Prompt":"a","Lora":["x","y"],"SchedulerOption":{"eta":0.5},"Seed":7}'
        $row = Import-DiffusionTable jobs.jsonl
        $row.Lora | Should -Be 'x', 'y'
        $row.SchedulerOption | Should -BeOfType ([hashtable])
        $row.SchedulerOption.ETA | Should -Be 0.5
        $row.Seed | Should -Be 7
    }

    It 'reads files of the pipeline, patterns and delimiters' {
        Set-Content one.tsv -Value "Prompt`tSeed", "a`t1"
        Set-Content two.tsv -Value "Prompt`tSeed", "b`t2"
        (Get-ChildItem *.tsv | Import-DiffusionTable).Prompt | Should -Be 'a', 'b'
        (Import-DiffusionTable *.tsv).Seed | Should -Be '1', '2'
        Set-Content -LiteralPath 'odd[1].txt' -Value 'Prompt|Seed', 'c|3'
        (Import-DiffusionTable -LiteralPath 'odd[1].txt' -Delimiter '|').Prompt | Should -Be 'c'
        { Import-DiffusionTable two.tsv -Delimiter a -ErrorAction Stop } | Should -Throw -ErrorId 'DelimiterInvalid,SdPowerShell.Commands.ImportDiffusionTableCommand'
    }

    It 'writes an error for each row that cannot be read, and reads the others' {
        Set-Content bad.csv -Value 'Prompt,Seed', '"a,1', 'b,2,3', 'c,3'
        $rows = Import-DiffusionTable bad.csv -ErrorVariable errors -ErrorAction SilentlyContinue
        $rows.Prompt | Should -Be 'c'
        $errors.FullyQualifiedErrorId | Should -Be (@('RowInvalid,SdPowerShell.Commands.ImportDiffusionTableCommand') * 2)
        $errors.Exception.Line | Should -Be 2, 3
        "$($errors[0])" | Should -BeLike 'bad.csv, line 2: *'
        $errors[0].CategoryInfo.Category | Should -Be 'InvalidData'
    }

    It 'writes an error for a file that is no table, and reads the next one' {
        Set-Content -NoNewline empty.csv -Value ''
        $rows = Import-DiffusionTable empty.csv, none.csv, two.tsv, $ModuleFolder/StableDiffusion.psd1 -ErrorVariable errors -ErrorAction SilentlyContinue
        $rows.Prompt | Should -Be 'b'
        $errors.FullyQualifiedErrorId.ForEach{ ($_ -split ',')[0] } | Should -Be 'TableInvalid', 'PathNotFound', 'TableInvalid'
    }

    It 'refuses names that PowerShell keeps for itself' {
        Set-Content reserved.csv -Value 'Prompt,PSObject', 'a,b'
        { Import-DiffusionTable reserved.csv -ErrorAction Stop } | Should -Throw -ErrorId 'RowInvalid,*'
    }

    It 'tells errors and warnings of New-DiffusionImage the line, also behind a filter' {
        Set-Content jobs.csv -Value 'Prompt,Seed,Steps,Comment', 'a,1,1,x', '"a red', 'house",2,0,x', '', 'b,3,none,x', 'c,4,1,x'
        $images = Import-DiffusionTable jobs.csv | Where-Object Seed -NE 4 |
            New-DiffusionImage -Journal made.jsonl -ErrorVariable errors -ErrorAction SilentlyContinue -WarningVariable warnings -WarningAction SilentlyContinue
        $images.Prompt | Should -Be 'a'
        "$($errors[0])" | Should -BeLike "jobs.csv, line 3 ('a red house'): Steps is 0*"
        "$($errors[-1])" | Should -BeLike "jobs.csv, line 6 ('b'): *"
        "$warnings" | Should -BeLike "*'Comment'*"
        (Get-DiffusionJournal made.jsonl).Row | Should -Be "jobs.csv, line 2 ('a')", "jobs.csv, line 3 ('a red house')", "jobs.csv, line 6 ('b')"
    }

    It 'makes what can be made of a bad table: <Name>' -ForEach @(
        @{ Name = 'semicolons.csv'; Text = "sep=;`r`nPrompt;Steps`r`na;1`r`n;;`r`n;1`r`nb;1"; Made = 'a', 'b'; Failed = 5 }
        @{ Name = 'crlf.tsv'; Text = "`u{feff}Prompt`tSteps`r`na`t1`r`nb`t`r`nc`t-5`r`n"; Made = 'a', 'b'; Failed = 4 }
        @{ Name = 'torn.jsonl'; Text = "{`"Prompt`":`"a`",`"Steps`":1}`n{`"Prompt`":`"b`",`"Steps`":1}`n{`"Prompt`":`"c`",`"St"; Made = 'a', 'b'; Failed = 3 }
        @{ Name = 'huge.csv'; Text = "Prompt,Steps`na,1`n$('x' * 2MB),1`n$('y' * 200KB),1`nb,1`n"; Made = 'a', 'b'; Failed = 3, 4 }
        @{ Name = 'nul.csv'; Text = "Prompt,Steps`na,1`n`0`0,1`nb,1`n"; Made = 'a', 'b'; Failed = 3 }
        @{ Name = 'lines.txt'; Text = "a`n`n# none`nb`n"; Made = 'a', 'b'; Failed = @() }
    ) {
        Set-Content -NoNewline $Name -Value $Text
        $images = Import-DiffusionTable $Name -ErrorVariable +errors -ErrorAction SilentlyContinue | New-DiffusionImage -ErrorVariable +errors -ErrorAction SilentlyContinue
        $images.Prompt | Should -Be $Made
        $errors.ForEach{ [int]([regex]::Match("$_", '(?<=, line )\d+').Value) } | Should -Be $Failed
    }

    It 'reads 100,000 rows, of which those in error are named, as they are needed' {
        $lines = [System.Collections.Generic.List[string]]::new()
        $lines.Add('Prompt,Seed,OutFile')
        for ($row = 1; $row -le 100000; $row++) { $lines.Add($row % 20000 ? "a red house on the snow,$row,$row.png" : "a,b,c,$row") }
        [System.IO.File]::WriteAllLines("$TestDrive/many.csv", $lines)
        $count = 0
        Import-DiffusionTable many.csv -ErrorVariable errors -ErrorAction SilentlyContinue | ForEach-Object { $count++ }
        $count | Should -Be 99995
        $errors.Exception.Line | Should -Be 20001, 40001, 60001, 80001, 100001
        (Import-DiffusionTable many.csv | Select-Object -First 2).Seed | Should -Be '1', '2'
    }
}
