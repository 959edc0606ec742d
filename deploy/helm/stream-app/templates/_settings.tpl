{{/* A value as the environment says it: Helm has every number of a values file as a float, and would write 2.592e+06. */}}
{{- define "stream-app.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}
{{ printf "%.0f" . }}
{{- else -}}
{{ . }}
{{- end -}}
{{- end -}}

{{/* Settings as a mapping of variables. */}}
{{- define "stream-app.variables" -}}
{{- range $field, $value := . }}
STREAM_APP_{{ upper $field }}: {{ include "stream-app.text" $value | quote }}
{{- end }}
{{- end -}}

{{/* Secrets, as variables that name their files; and the files. */}}
{{- define "stream-app.secretVariables" -}}
{{- range $field, $_ := . }}
- name: STREAM_APP_{{ upper $field }}_FILE
  value: /etc/stream-app/secrets/{{ $field }}
{{- end }}
{{- end -}}

{{- define "stream-app.secretMounts" -}}
{{- if .secrets }}
- name: secrets
  mountPath: /etc/stream-app/secrets
  readOnly: true
{{- end }}
{{- if .tls }}
- name: tls
  mountPath: /etc/stream-app/tls
  readOnly: true
{{- end }}
{{- end -}}

{{- define "stream-app.secretVolumes" -}}
{{- if .secrets }}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range $field, $ref := .secrets }}
      - secret:
          name: {{ $ref.name | quote }}
          items:
            - key: {{ $ref.key | quote }}
              path: {{ $field }}
      {{- end }}
{{- end }}
{{- if .tls }}
- name: tls
  secret:
    secretName: {{ .tls | quote }}
    defaultMode: 0440
{{- end }}
{{- end -}}

{{/* What the commands of an operator read: the workers' settings and secrets, but for those that tools have of their own. */}}
{{- define "stream-app.toolSecrets" -}}
{{- toYaml (merge (deepCopy .Values.tools.secrets) .Values.secrets) -}}
{{- end -}}

{{- define "stream-app.toolVariables" -}}
{{- range $field, $value := merge (deepCopy .Values.tools.settings) .Values.settings }}
- name: STREAM_APP_{{ upper $field }}
  value: {{ include "stream-app.text" $value | quote }}
{{- end }}
{{- include "stream-app.secretVariables" (include "stream-app.toolSecrets" . | fromYaml) }}
{{- end -}}
